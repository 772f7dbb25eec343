/**
 * The task `silence`: with the handlers' default limits, and channels that are not joined again, a path that silently drops everything ends its session within
 * 30 s. Not in the suite, since it waits for most of that time.
 *
 * @module
 */
import { testWith } from "../support/programs/programs.ts";
import { assertSilenceEnds, openSilentWorld } from "./silence.ts";

const NEEDS = ["network namespaces", "iptables"];

testWith(NEEDS, "with the default limits, a path that silently drops everything ends its session in 30 s", async () => {
  await using world = await openSilentWorld("{rejoin: 0}");
  const drop = ["iptables", "-w", "-A", "INPUT", "-i", world.topology.devices[1]!, "-j", "DROP"];
  await assertSilenceEnds(world, drop, 2, 30_000);
});

/**
 * The task `silence`: a path that drops all in silence ends its session within 30 s with the limits that handlers have by
 * default. No part of the suite: it waits for most of that time.
 *
 * @module
 */
import { testWith } from "../support/programs/programs.ts";
import { assertSilenceEnds, openSilentWorld } from "./silence.ts";

const NEEDS = ["network namespaces", "iptables"];

testWith(NEEDS, "with the default limits a path that drops all in silence ends its session within 30 s", async () => {
  await using world = await openSilentWorld("{}");
  const drop = ["iptables", "-w", "-A", "INPUT", "-i", world.topology.devices[1]!, "-j", "DROP"];
  await assertSilenceEnds(world, drop, 2, 30_000);
});

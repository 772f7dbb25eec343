/** Paths that break under ssh, downloads and idle sessions, in a short form; the task `breaks` runs for ten minutes. */
import { testWith } from "../support/programs/programs.ts";
import { Random } from "../support/random/random.ts";
import { assertEquals } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import { Program } from "../support/programs/process.ts";
import { assertNothingLost, assertTicks, BREAKS, NEEDS, openBreakingWorld } from "./breaks.ts";

testWith(
  NEEDS,
  "paths that are reset, dropped, lose their address or link, in any order, cost no session a byte",
  async () => {
    await using world = await openBreakingWorld("{ping: 1s, silence: 3s}");
    await assertNothingLost(world, {
      ways: BREAKS,
      lasts: [100, 1000, 4000],
      between: 100,
      download: 20_000_000,
      rate: 1_500_000,
      sessions: 30,
      least: 4,
      random: new Random(Date.now()),
    });
  },
);

testWith(NEEDS, "a client whose host sleeps for longer than timeouts.silence goes on with its sessions", async () => {
  await using world = await openBreakingWorld("{ping: 1s, silence: 3s}");
  const { near } = world.topology;
  await using shell = Program.start([...world.ssh, "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done"], near);
  await shell.waitForLine(/^tick 5$/);
  world.client.signal("SIGSTOP");
  try {
    await world.server.waitForLogs(3, "channel broken");
    await sleep(3_000);
  } finally {
    // Otherwise it would not end either.
    world.client.signal("SIGCONT");
  }
  assertEquals(world.server.logged("channel broken").length, 3, world.server.describe());
  await shell.waitForLine(/^tick 60$/, "tick after the sleep", 30_000);
  assertTicks(shell);
  for (const handler of [world.client, world.server]) {
    assertEquals(handler.logged(/session (reset|refused)/), [], handler.describe());
  }
});

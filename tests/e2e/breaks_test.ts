/** Paths that break under ssh, downloads and idle sessions, in a short form; the task `breaks` runs for ten minutes. */
import { testTogether } from "../support/programs/programs.ts";
import { assertEquals } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import { Program } from "../support/programs/process.ts";
import { assertNothingLost, assertTicks, BREAKS, NEEDS, openBreakingWorld } from "./breaks.ts";

testTogether(NEEDS, "paths that break in any way cost no session a byte, nor does a client's host that sleeps", {
  async "paths that are reset, dropped, lose their address or link, in any order, cost no session a byte"() {
    await using world = await openBreakingWorld("{ping: 1s, silence: 3s}");
    await assertNothingLost(world, {
      ways: BREAKS,
      lasts: [100, 1000, 4000],
      between: 100,
      download: 20_000_000,
      rate: 1_500_000,
      sessions: 30,
      least: 3,
      seed: Date.now(),
    });
  },
  "a client whose host sleeps for longer than timeouts.silence goes on with its sessions": assertSleepSurvived,
});

async function assertSleepSurvived(): Promise<void> {
  await using world = await openBreakingWorld("{ping: 1s, silence: 3s}");
  const { near } = world.topology;
  await using shell = Program.start([...world.ssh, "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done"], near);
  await shell.waitForLine(/^tick 5$/);
  world.client.signal("SIGSTOP");
  try {
    // The last channel is not judged while the others are away, if it carried something a moment after them.
    await world.server.waitForLogs(2, "channel broken");
    await sleep(3_000);
  } finally {
    // Otherwise it would not end either.
    world.client.signal("SIGCONT");
  }
  await shell.waitForLine(/^tick 60$/, "tick after the sleep", 30_000);
  assertTicks(shell);
  for (const handler of [world.client, world.server]) {
    assertEquals(handler.logged(/session (reset|refused)/), [], handler.describe());
  }
}

/** A client handler that monitors its rules. */
import { assertEquals } from "@std/assert";
import { RulesMonitor } from "../../src/client/rules_monitor.ts";
import { createLog } from "../../src/log/log.ts";
import { Inconclusive } from "../../src/observe/readiness.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

function monitored() {
  const clock = new FakeClock();
  const lines: Record<string, string>[] = [];
  const state: { error: Error | undefined; checks: number } = { error: undefined, checks: 0 };
  const monitor = new RulesMonitor({
    clock,
    log: createLog({ format: "json", write: (line) => lines.push(JSON.parse(line)) }),
    check() {
      state.checks++;
      return state.error === undefined ? Promise.resolve() : Promise.reject(state.error);
    },
  });
  return { clock, lines, state, monitor, events: () => lines.map(({ level, event }) => `${level} ${event}`) };
}

Deno.test("lost rules are logged once with the reason, and again when they are back", async () => {
  const { clock, lines, state, monitor, events } = monitored();
  await settle();
  assertEquals([monitor.inPlace, lines], [true, []]);
  state.error = new Error("gone; run micss rules apply");
  await clock.advance(5_500);
  assertEquals([monitor.inPlace, events()], [false, ["warn rules not in place"]]);
  assertEquals(lines[0]!.reason, "gone; run micss rules apply");
  await clock.advance(60_000);
  assertEquals(lines.length, 1);
  state.error = new Error("another rule comes first");
  await clock.advance(6_000);
  assertEquals(lines[1]!.reason, "another rule comes first");
  state.error = undefined;
  await clock.advance(6_000);
  assertEquals([monitor.inPlace, events().at(-1)], [true, "info rules in place again"]);
  monitor.close();
  assertEquals(clock.pending, 0);
});

Deno.test("a single failed check is not reported", async () => {
  const { clock, lines, state, monitor } = monitored();
  await settle();
  state.error = new Error("not redirected here in time");
  await clock.advance(5_000);
  state.error = undefined;
  await clock.advance(500);
  assertEquals([monitor.inPlace, lines, state.checks], [true, [], 3]);
  monitor.close();
});

Deno.test("an undeterminable result is neither logged nor counted", async () => {
  const { clock, lines, state, monitor } = monitored();
  state.error = new Inconclusive("others can't be seen");
  await clock.advance(20_000);
  assertEquals([monitor.inPlace, lines], [undefined, []]);
  monitor.close();
  await clock.advance(20_000);
  assertEquals(clock.pending, 0);
});

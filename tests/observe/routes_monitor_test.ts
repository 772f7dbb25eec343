/** A handler that reports whether routes keep its channels apart. */
import { assertEquals, assertRejects } from "@std/assert";
import { createLog } from "../../src/log/log.ts";
import { Inconclusive } from "../../src/observe/readiness.ts";
import { RoutesMonitor } from "../../src/observe/routes_monitor.ts";
import type { RoutedChannel } from "../../src/routes/channels.ts";
import { CHANNELS, client, server } from "../routes/machine.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

function monitored({ channels = CHANNELS, always = true }: { channels?: RoutedChannel[]; always?: boolean } = {}) {
  const clock = new FakeClock();
  const lines: Record<string, unknown>[] = [];
  const answers: Record<string, true | string | undefined> = {};
  const state = { channels: () => Promise.resolve<readonly RoutedChannel[]>(channels), answers };
  const monitor = new RoutesMonitor({
    channels: () => state.channels(),
    always,
    clock,
    log: createLog({ format: "json", write: (line) => lines.push(JSON.parse(line)) }),
    check: ({ packets }) => answers[Object.values(packets)[0] as string],
  });
  return {
    clock,
    lines,
    state,
    monitor,
    events: () => lines.map(({ level, event, channel }) => `${level} ${event} ${channel}`),
  };
}

const [ONE, TWO] = ["192.0.2.10", "198.51.100.10"];

Deno.test("each channel is reported once when it is not kept apart, and again when it is", async () => {
  const { clock, lines, state, monitor, events } = monitored();
  state.answers[ONE] = true;
  state.answers[TWO] = "no route of its own";
  await clock.advance(500);
  assertEquals(events(), ["warn channel not kept apart 2"]);
  assertEquals([lines[0]!.server, lines[0]!.reason], ["web", "no route of its own"]);
  assertEquals(monitor.routes, [
    { server: "web", channel: 1, kept: true },
    { server: "web", channel: 2, kept: false, reason: "no route of its own" },
  ]);
  await clock.advance(60_000);
  assertEquals(lines.length, 1);
  state.answers[TWO] = true;
  await clock.advance(6_000);
  assertEquals(events().at(-1), "info channel kept apart again 2");
  monitor.close();
  assertEquals(clock.pending, 0);
});

Deno.test("routes that are about to change are no cause for a line", async () => {
  const { clock, lines, state, monitor } = monitored();
  state.answers[ONE] = state.answers[TWO] = true;
  await settle();
  await clock.advance(4_900);
  state.answers[ONE] = "leaves by lte0, not wlan0";
  await clock.advance(200);
  state.answers[ONE] = true;
  await clock.advance(500);
  assertEquals(lines, []);
  monitor.close();
});

Deno.test("a server's channels are reported only if routes have kept them apart before", async () => {
  const { clock, state, monitor, events } = monitored({ channels: server([ONE, TWO]), always: false });
  state.answers[ONE] = state.answers[TWO] = "no route of its own";
  await clock.advance(6_000);
  assertEquals([monitor.routes, monitor.checks, events()], [undefined, [], []]);
  state.answers[ONE] = true;
  await clock.advance(6_000);
  assertEquals(monitor.routes, [{ server: "", channel: 1, kept: true }]);
  state.answers[ONE] = "no route of its own";
  await clock.advance(6_000);
  assertEquals(monitor.routes, [{ server: "", channel: 1, kept: false, reason: "no route of its own" }]);
  assertEquals(events(), ["warn channel not kept apart 1"]);
  monitor.close();
});

Deno.test("a channel with several addresses is kept apart if it is at each of them", async () => {
  const channels = client(["web.example via wlan0"], { "web.example": [ONE, TWO] });
  const { clock, state, monitor } = monitored({ channels });
  state.answers[ONE] = true;
  await clock.advance(6_000);
  assertEquals(monitor.routes, undefined);
  state.answers[TWO] = true;
  await clock.advance(6_000);
  assertEquals(monitor.routes, [{ server: "web", channel: 1, kept: true }]);
  state.answers[TWO] = "no route of its own";
  await clock.advance(6_000);
  assertEquals(monitor.routes?.[0]?.kept, false);
  monitor.close();
});

Deno.test("readiness is degraded by each channel that is not kept apart, by the state at the request", async () => {
  const { state, monitor } = monitored();
  state.answers[ONE] = state.answers[TWO] = true;
  await settle();
  state.answers[ONE] = "no route of its own";
  state.answers[TWO] = undefined;
  const [one, two] = monitor.checks;
  assertEquals([one!.name, one!.need], ["routes of channel 1 of web", "none"]);
  await assertRejects(async () => await one!.run(), Error, "no route of its own");
  await assertRejects(async () => await two!.run(), Inconclusive);
  monitor.close();
});

Deno.test("channels that can't be listed now are unknown", async () => {
  const { clock, state, monitor, lines } = monitored();
  state.channels = () => Promise.reject(new Error("no name server"));
  await clock.advance(6_000);
  assertEquals([monitor.routes, lines], [undefined, []]);
  monitor.close();
});

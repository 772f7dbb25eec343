import { assertEquals } from "@std/assert";
import { endpointOf, sameEndpointHost } from "../../src/net/endpoint.ts";
import { WaitingTime } from "../../src/datagrams/waiting_time.ts";
import { FlowPair, UDP_FORWARD } from "../flows/flow_pair.ts";
import type { Packet } from "../support/network/memory_datagrams.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

Deno.test("the time that shares wait by is the clock's, except for what is more than a tick from one to the next", async () => {
  const clock = new FakeClock(), waiting = new WaitingTime(clock), ticks: number[] = [];
  await clock.advance(1000);
  assertEquals([waiting.at(clock.now()), waiting.ticks], [1000, false]);
  waiting.tick((time) => ticks.push(time) < 6);
  await clock.advance(120);
  assertEquals([waiting.at(clock.now()), waiting.ticks, ticks], [1120, true, [1050, 1100]]);
  clock.pause(5000);
  // Read before the tick that is due: the time stands until then.
  assertEquals([waiting.at(clock.now()), waiting.at(clock.now())], [1150, 1150]);
  await clock.advance(0);
  assertEquals(ticks, [1050, 1100, 1150]);
  await clock.advance(500);
  assertEquals([waiting.at(clock.now()), waiting.ticks, ticks], [1650, false, [1050, 1100, 1150, 1200, 1250, 1300]]);
  assertEquals(clock.pending, 0);
});

for (const isPaused of [true, false]) {
  const outcome = isPaused
    ? "whose handler had no turn for 300 ms is delivered"
    : "whose share comes after 300 ms is lost";
  Deno.test(`a datagram ${outcome}`, async () => {
    const pair = new FlowPair(), application = pair.application(), { clock, datagrams, server } = pair.handlers;
    application.send("first", UDP_FORWARD);
    await pair.flow();
    const last = endpointOf({ host: "192.0.2.3", port: 0 }), held: Packet[] = [];
    datagrams.pass = (packet) => {
      if (!sameEndpointHost(packet.to, 0, last, 0)) return [packet];
      held.push(packet);
      return [];
    };
    application.send("second", UDP_FORWARD);
    await pair.flow();
    datagrams.pass = (packet) => [packet];
    if (isPaused) clock.pause(300);
    else await clock.advance(300);
    assertEquals(held.length, 1);
    datagrams.send(held[0]!);
    await pair.flow();
    assertEquals(pair.target.texts, isPaused ? ["first", "second"] : ["first"]);
    await clock.advance(300);
    assertEquals(server.activity.datagrams.incomplete, isPaused ? 0 : 3);
    await pair.close();
  });
}

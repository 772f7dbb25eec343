import { assert, assertEquals, assertRejects } from "@std/assert";
import { Answerer } from "../../src/bench/answerer.ts";
import { AnswerError, type Measuring, roundTrips, throughput } from "../../src/bench/measure.ts";
import { systemClock } from "../../src/time/clock.ts";
import type { Address } from "../../src/net/address.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../support/network/memory_network.ts";

const AT = { host: "127.0.0.1", port: 0 };

/** Measures against an answerer, and checks that nothing stays open. */
async function withAnswerer<T>(
  use: (to: Address, measuring: Measuring, answerer: Answerer) => Promise<T>,
  options: MemoryNetworkOptions = {},
): Promise<T> {
  const network = new MemoryNetwork(options);
  const answerer = new Answerer(network, systemClock, [AT]);
  try {
    return await use(answerer.addresses[0]!, { network, clock: systemClock, window: 40, patience: 5_000 }, answerer);
  } finally {
    await answerer.close();
    assertEquals([network.openListeners, network.openEnds], [0, 0]);
  }
}

for (const mode of ["up", "down"] as const) {
  Deno.test(`bytes going ${mode} are counted at the receiving end`, () =>
    withAnswerer(async (to, measuring) => {
      assert(await throughput(to, mode, measuring) > 1e6);
    }));
}

Deno.test("round trips are measured one after another until the time limit", () =>
  withAnswerer(async (to, measuring, answerer) => {
    const samples = await roundTrips(to, measuring);
    assert(samples.length > 10, String(samples.length));
    const total = samples.reduce((sum, sample) => sum + sample, 0);
    assert(total >= 40_000 && total < 5_000_000, String(total));
    assertEquals(answerer.answered, 1);
  }));

Deno.test("an invalid request is disconnected without an answer", () =>
  withAnswerer(async (to, { network }, answerer) => {
    const connection = await network.connect(to);
    await writeAll(connection, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    await assertRejects(() => connection.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    connection.close();
    assertEquals(answerer.answered, 0);
  }));

Deno.test("at most sixteen measurements are answered at once", () =>
  withAnswerer(async (to, { network }) => {
    const taken: Connection[] = [];
    while (taken.length < 16) taken.push(await network.connect(to));
    const beyond = await network.connect(to);
    await assertRejects(() => readFull(beyond, new Uint8Array(1)), Deno.errors.ConnectionReset);
    for (const connection of [...taken, beyond]) connection.close();
  }));

Deno.test("a peer that is not an answerer is detected", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen(AT);
  const measuring = { network, clock: systemClock, window: 40, patience: 5_000 };
  const measured = roundTrips(listener.address, measuring);
  const connection = (await listener.accept())!;
  await writeAll(connection, new TextEncoder().encode("220 mail.example ESMTP"));
  await assertRejects(() => measured, AnswerError, "the peer is not micss bench --answer");
  connection.reset();
  listener.close();
});

Deno.test("a peer that does not answer is given up", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen(AT);
  const measured = throughput(listener.address, "down", { network, clock: systemClock, window: 40, patience: 20 });
  const connection = (await listener.accept())!;
  // Unlike a real one, a network in memory does not keep the process alive.
  const alive = setTimeout(() => {}, 5_000);
  await assertRejects(() => measured, AnswerError, "no answer within 0.02 s");
  clearTimeout(alive);
  connection.reset();
  listener.close();
});

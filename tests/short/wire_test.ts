/**
 * A session over short shares, read back from the bytes on its channels by code that was written from docs/PROTOCOL.md alone:
 * the list, its echo, KEY, records, frames.
 */
import { assert, assertEquals } from "@std/assert";
import { joinShortSlowly } from "../../scripts/vectors/dispersal.ts";
import { keySlowly, recordSlowly } from "../../scripts/vectors/sealing.ts";
import { initiate } from "../../src/association/initiate.ts";
import type { Network } from "../../src/net/connection.ts";
import { concat } from "../../src/wire/concat.ts";
import { Witness } from "../adversary/witness.ts";
import { Accepting, channelAddresses, readAll, sendAll } from "../support/handlers/pair.ts";
import { finishPair, sessionsOver, startSession } from "../support/handlers/session_pair.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Random } from "../support/random/random.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const GREETING = 22, KEY = 48, HEAD = 35;

/** Runs a session. @returns For each channel what the client has read and written. */
async function channelsOf(
  n: number,
  up: Uint8Array,
  down: Uint8Array,
): Promise<{ read: Uint8Array; written: Uint8Array }[]> {
  const network = new MemoryNetwork(),
    clock = new FakeClock(),
    witness = new Witness(),
    addresses = channelAddresses(n);
  const over: Network = {
    listen: (at) => network.listen(at),
    connect: async (to, signal) => {
      const channel = addresses.findIndex(({ host }) => host === to.host);
      return witness.watch("client", await network.connect(to, signal), { association: 0, channel });
    },
  };
  const accepting = new Accepting(network, addresses, { clock });
  const [client, server] = await Promise.all([
    initiate(addresses, { network: over, clock, short: true }),
    accepting.first(),
  ]);
  await accepting.close();
  const pair = sessionsOver({ network, clock, client, server }), session = await startSession(pair);
  const [, , there, back] = await Promise.all([
    sendAll(session.application, up),
    sendAll(session.target, down),
    readAll(session.target),
    readAll(session.application),
  ]);
  assertEquals([there, back], [up, down]);
  assertEquals([await session.client, await session.server], [null, null]);
  await finishPair(pair, session.application, session.target);
  return witness.seen.toSorted((a, b) => a.place.channel - b.place.channel)
    .map(({ read, written }) => ({ read: read.bytes, written: written.bytes }));
}

/** The application's bytes in a direction's shares, and the lengths of its records' bodies. */
function contentOf(shares: readonly Uint8Array[]): { content: Uint8Array; lengths: number[] } {
  const message = joinShortSlowly(shares), k = message.subarray(0, 16), rho = message.subarray(16, 32);
  assertEquals(message.subarray(0, KEY), keySlowly(k, rho));
  const content: Uint8Array[] = [], lengths: number[] = [];
  for (let at = KEY, number = 1; at < message.length; number++) {
    const length = message[at]! << 16 | message[at + 1]! << 8 | message[at + 2]!, end = at + HEAD + length;
    const body = message.subarray(at + HEAD, end);
    assertEquals(message.subarray(at, end), recordSlowly(k, rho, number, body));
    for (let frame = 0; frame < length;) {
      const from = frame + 7, to = from + (body[frame + 5]! << 8 | body[frame + 6]!);
      if (body[frame] === 3) content.push(body.subarray(from, to));
      frame = to;
    }
    lengths.push(length);
    at = end;
  }
  return { content: concat(content), lengths };
}

for (const n of [2, 3, 16]) {
  Deno.test(`${n} channels carry short shares as they are specified, in both directions`, async () => {
    const random = new Random(n), up = random.bytes(20_000), down = random.bytes(90_000);
    const channels = await channelsOf(n, up, down), begin = 4 + 16 * n;
    const cookies = channels.map(({ read }) => read.subarray(6, GREETING));
    const list = concat([Uint8Array.of(1, 3, n, n), ...cookies]);
    for (const { read, written } of channels) {
      assertEquals([written.subarray(0, begin), read.subarray(GREETING, GREETING + begin)], [list, list]);
    }
    const sent = contentOf(channels.map(({ written }) => written.subarray(begin)));
    const received = contentOf(channels.map(({ read }) => read.subarray(GREETING + begin)));
    assertEquals([sent.content, received.content], [up, down]);
    for (const { lengths } of [sent, received]) {
      assert(lengths.some((length) => length <= 1024) && lengths.some((length) => length > 1024));
    }
  });
}

/** Any order, loss, duplication and forgery: what is delivered was sent, at most once, and memory is bounded. */
import { assert, assertEquals } from "@std/assert";
import { Opened } from "../../src/datagrams/opener.ts";
import { RING_ENTRIES } from "../../src/datagrams/share_ring.ts";
import { bytes, fc, record } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { Channels, type Delivered, type Sent } from "./channels.ts";

/** Losses, copies, forgeries and delays that an adversary puts on the packets of a channel. */
interface Treatment {
  /** Shares of them that are lost, sent twice and forged, in percent. */
  readonly loss: number;
  readonly duplication: number;
  readonly forgery: number;
  /** Greatest number of packets that overtake one. */
  readonly delay: number;
}

const treatment: fc.Arbitrary<Treatment> = record<Treatment>({
  loss: fc.constantFrom(0, 10, 60),
  duplication: fc.constantFrom(0, 30, 100),
  forgery: fc.constantFrom(0, 20, 100),
  delay: fc.constantFrom(0, 3, 50),
});

/** Packets of one channel, as its adversary has them arrive. */
function treat(packets: readonly Sent[], { loss, duplication, forgery, delay }: Treatment, random: Random): Sent[] {
  const placed: { at: number; sent: Sent }[] = [];
  for (const [index, sent] of packets.entries()) {
    const place = (one: Sent) =>
      placed.push({ at: index + random.below(delay + 1) + random.below(100) / 100, sent: one });
    if (random.below(100) >= loss) place(sent);
    if (random.below(100) < duplication) place(sent);
    if (random.below(100) < forgery) place({ channel: sent.channel, packet: forged(sent.packet, random) });
  }
  return placed.sort((a, b) => a.at - b.at).map(({ sent }) => sent);
}

/** A packet with anything changed: its number, its share, its length, or all of it. */
function forged(packet: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const copy = packet.slice();
  switch (random.below(4)) {
    case 0:
      copy[8 + random.below(6)]! ^= 1 << random.below(8);
      return copy;
    case 1:
      copy[14 + random.below(copy.length - 14)]! ^= 1 << random.below(8);
      return copy;
    case 2:
      return random.bytes(32 + random.below(90));
    default:
      return copy.slice(0, 32 + random.below(copy.length - 31));
  }
}

/** Mixes the channels' packets, each one's in their order. */
function* mixed(channels: readonly Sent[][], random: Random): Generator<Sent> {
  const left = channels.map((packets) => [...packets]).filter(({ length }) => length > 0);
  while (left.length > 0) {
    const index = random.below(left.length), packets = left[index]!;
    yield packets.shift()!;
    if (packets.length === 0) left.splice(index, 1);
  }
}

const run = record({
  channels: fc.integer({ min: 2, max: 5 }),
  payloads: fc.array(bytes(0, 60), { minLength: 1, maxLength: 60 }),
  treatments: fc.array(treatment, { minLength: 5, maxLength: 5 }),
  honest: fc.nat(4),
  all: fc.boolean(),
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
});

for (const isThreshold of [false, true]) {
  const scheme = isThreshold ? "k of n" : "n of n";
  Deno.test(`every datagram delivered was sent, at most once, ${scheme}`, () => {
    fc.assert(fc.property(run, ({ channels: n, payloads, treatments, honest, all, seed }) => {
      const random = new Random(seed), threshold = isThreshold ? Math.max(2, n - 1) : n;
      const both = new Channels(n, random.fill, { threshold, maxPayload: 60 });
      const datagrams = payloads.map((payload, index) => ({ flow: index, payload }));
      const sent = both.seal(datagrams);
      // With a threshold, an adversary of k-1 channels leaves n-k+1 honest; here it has one.
      const isHonest = (channel: number) => isThreshold ? channel !== honest % n : channel === honest % n;
      const arriving = Array.from({ length: n }, (_, channel) => {
        const packets = sent.map((shares) => shares[channel]!);
        const { loss, delay, duplication } = treatments[channel]!;
        const forgery = isHonest(channel) && !all ? 0 : treatments[channel]!.forgery;
        return treat(packets, { loss, delay, duplication, forgery }, random);
      });
      let now = 0;
      for (const packet of mixed(arriving, random)) {
        now += random.below(10);
        both.open(packet, now);
        assert(both.opener.held <= n * RING_ENTRIES);
      }
      const expected = datagrams.map(({ flow, payload }, sequence): Delivered => {
        return { sequence, flow, payload: payload.toHex() };
      });
      for (const delivered of both.delivered) assertEquals(delivered, expected[delivered.sequence]);
      assertEquals(new Set(both.delivered.map(({ sequence }) => sequence)).size, both.delivered.length);
      both.opener.expire(now + 1000);
      assertEquals([both.opener.held, both.opener.heldBytes], [0, 0]);
    }));
  });
}

Deno.test("without loss and forgery all is delivered, in any order within the window", () => {
  fc.assert(fc.property(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 2 ** 31 }), (n, seed) => {
    const random = new Random(seed), both = new Channels(n, random.fill);
    const sent = both.seal(
      Array.from({ length: 300 }, (_, flow) => ({ flow, payload: random.bytes(random.below(100)) })),
    );
    const arriving = Array.from({ length: n }, (_, channel) => {
      const treatment = { loss: 0, duplication: 20, forgery: 0, delay: 100 };
      return treat(sent.map((shares) => shares[channel]!), treatment, random);
    });
    for (const packet of mixed(arriving, random)) both.open(packet);
    assertEquals(both.delivered.length, 300);
  }));
});

Deno.test("a flood of forged shares on n-1 channels fills their rings and no more, and delivers nothing", () => {
  for (const n of [2, 3, 4]) {
    const random = new Random(n), both = new Channels(n, random.fill, { maxPayload: 1400 });
    const sent = both.seal(Array.from({ length: 500 }, (_, flow) => ({ flow, payload: random.bytes(1400) })));
    let most = 0;
    for (const [index, shares] of sent.entries()) {
      both.open(shares[n - 1]!, index);
      for (let channel = 0; channel < n - 1; channel++) {
        for (let flood = 0; flood < 10; flood++) {
          const packet = forged(shares[channel]!.packet, random);
          assert(both.open({ channel, packet }, index) !== Opened.Datagram);
        }
      }
      most = Math.max(most, both.opener.heldBytes);
    }
    assert(most <= n * RING_ENTRIES * 2048, `${most} bytes`);
    assertEquals(both.delivered, []);
  }
});

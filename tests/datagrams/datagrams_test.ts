import { assert, assertEquals, assertThrows } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { messageSlowly } from "../../scripts/vectors/datagrams.ts";
import { Opened, Opener } from "../../src/datagrams/opener.ts";
import { Sealer } from "../../src/datagrams/sealer.ts";
import { RING_ENTRIES } from "../../src/datagrams/share_ring.ts";
import { TagKey } from "../../src/datagrams/tag.ts";
import { DatagramBatch } from "../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { xor } from "../../src/sharing/xor.ts";
import { Random } from "../support/random/random.ts";
import { Channels, type Sent } from "./channels.ts";

const { Datagram, Waiting, Duplicate, Late, Forged, TooLarge, Belated } = Opened;

const text = (payload: string) => new TextEncoder().encode(payload);

/** Datagrams on flow 7. */
const some = (count: number, length = 20) =>
  Array.from({ length: count }, (_, index) => ({ flow: 7, payload: new Uint8Array(length).fill(index) }));

const random = new Random(1);

/** A packet with a bit of its share flipped. */
function flipped({ channel, packet }: Sent, at = 20): Sent {
  const copy = packet.slice();
  copy[at]! ^= 4;
  return { channel, packet: copy };
}

for (const vector of vectors.datagram) {
  Deno.test(`datagram vector: ${vector.name}`, () => {
    const key = new TagKey(Uint8Array.fromHex(vector.k)), channels = vector.handles.length, threshold = channels;
    const opener = new Opener({ key, scheme: xor, channels, threshold, maxPayload: 100 });
    const results = vector.packets.map((packet, channel) =>
      opener.open(channel, Uint8Array.fromHex(packet), new Uint32Array(ENDPOINT_WORDS), 0, 0)
    );
    assertEquals(results, [...vector.packets.slice(1).map(() => Waiting), Datagram]);
    const { sequence, flow, payload } = opener;
    assertEquals({ sequence, flow, payload: payload.toHex() }, {
      ...{ sequence: vector.sequence, flow: vector.flow, payload: vector.payload },
    });
  });
}

Deno.test("the first vectors' datagrams are sealed as they say", () => {
  const [first, second] = vectors.datagram, handles = first!.handles.map((handle) => Uint8Array.fromHex(handle));
  let channel = 0;
  const sealer = new Sealer({
    ...{ key: new TagKey(Uint8Array.fromHex(first!.k)), scheme: xor, handles, maxPayload: 200, capacity: 2 },
    // A channel's pads lie where the shares of its packets do, the second one's at the next multiple of 8.
    pads(into) {
      into.set(Uint8Array.fromHex(first!.pads[channel]!), 14);
      into.set(Uint8Array.fromHex(second!.pads[channel]!), Math.ceil(first!.packets[channel]!.length / 2 / 8) * 8 + 14);
      channel++;
    },
  });
  const batches = handles.map(() => new DatagramBatch(2, sealer.packetSize));
  for (const { flow, payload } of [first!, second!]) sealer.add(flow, Uint8Array.fromHex(payload));
  assertEquals(sealer.flush(batches), 2);
  for (const [index, { packets }] of [first!, second!].entries()) {
    assertEquals(batches.map((batch) => batch.bytes(index).toHex()), packets);
  }
});

Deno.test("the packets of a batch carry its messages, whatever their lengths", () => {
  for (const lengths of [[100, 99, 40, 1, 0, 7, 8, 100], [0, 0, 0], [100], []]) {
    for (const channels of [2, 3, 5]) {
      const payloads = lengths.map((length) => random.bytes(length)), both = new Channels(channels, random.fill);
      const packets = both.seal(payloads.map((payload) => ({ flow: 7, payload })));
      assertEquals(packets.length, lengths.length);
      for (const [index, shares] of packets.entries()) {
        assertEquals(shares.map(({ packet }) => packet.length), shares.map(() => lengths[index]! + 32));
        const message = shares.map(({ packet }) => packet.subarray(14)).reduce((sum, share) =>
          sum.map((byte, at) => byte ^ share[at]!)
        );
        const k = Uint8Array.from({ length: 16 }, (_, byte) => 7 * byte + 1);
        assertEquals(message, messageSlowly(k, index, 7, payloads[index]!));
      }
    }
  }
});

Deno.test("a batch after longer ones shows nothing of them", () => {
  // Zeros as pads: the last share is the message, and so is what would be around it.
  const both = new Channels(2, (into) => void into.fill(0)), secret = new Uint8Array(100).fill(0xee);
  both.seal([{ flow: 1, payload: secret }, { flow: 1, payload: secret }]);
  for (const shares of both.seal(some(8, 3))) {
    for (const { packet } of shares) assert(!packet.includes(0xee), packet.toHex());
  }
});

Deno.test("datagrams are delivered in the order in which they become complete", () => {
  const both = new Channels(3, random.fill), [one, two] = both.seal(some(2));
  for (const sent of [one![0]!, two![2]!, one![1]!, two![0]!]) assertEquals(both.open(sent), Waiting);
  assertEquals([both.open(two![1]!), both.open(one![2]!)], [Datagram, Datagram]);
  assertEquals(both.delivered.map(({ sequence, flow }) => [sequence, flow]), [[1, 7], [0, 7]]);
  assertEquals([both.opener.held, both.opener.heldBytes], [0, 0]);
});

Deno.test("datagrams of all lengths, longer than a room for packets or not, come over 2 to 6 channels", () => {
  for (const channels of [2, 3, 4, 5, 6]) {
    const both = new Channels(channels, random.fill, { maxPayload: 65_475, capacity: 1 });
    const payloads = [0, 1, 14, 15, 2016, 2017, 65_475].map((length) => random.bytes(length));
    for (const [index, shares] of both.seal(payloads.map((payload) => ({ flow: 258, payload }))).entries()) {
      const last = shares.length - 1;
      assertEquals(shares.map((sent) => both.open(sent)), shares.map((_, at) => at === last ? Datagram : Waiting));
      assertEquals(both.delivered[index], { sequence: index, flow: 258, payload: payloads[index]!.toHex() });
    }
    assertEquals(both.opener.heldBytes, 0);
  }
});

Deno.test("shares wait outside of the module's memory while that is full, and in it again afterwards", () => {
  const fillers = Array.from({ length: 3 }, () => new Channels(2, random.fill));
  // More than the rooms that a thread has, 2,048: those of the last one come last.
  const waiting = fillers.map((both) => both.seal(some(1000)));
  const both = new Channels(3, random.fill), datagrams = both.seal(some(3));
  both.open(datagrams[0]![0]!);
  for (const [index, filler] of fillers.entries()) waiting[index]!.forEach((shares) => filler.open(shares[0]!));
  // The shares of the first are in the memory and outside of it, those of the second all outside.
  for (const shares of datagrams.slice(0, 2)) {
    for (const sent of shares) both.open(sent);
  }
  for (const [index, filler] of fillers.entries()) {
    for (const shares of waiting[index]!) assertEquals(filler.open(shares[1]!), Datagram);
    assertEquals(filler.delivered.map(({ payload }) => payload), some(1000).map(({ payload }) => payload.toHex()));
  }
  for (const sent of datagrams[2]!) both.open(sent);
  assertEquals(both.delivered.map(({ sequence }) => sequence), [0, 1, 2]);
});

Deno.test("payloads longer than a message has room for are refused as an option", () => {
  const key = new TagKey(new Uint8Array(16)), options = { key, scheme: xor, maxPayload: 65_534 };
  const handles = [new Uint8Array(8), new Uint8Array(8)];
  assertThrows(() => new Sealer({ ...options, pads: random.fill, handles, capacity: 1 }), RangeError);
  assertThrows(() => new Opener({ ...options, channels: 2, threshold: 2 }), RangeError);
});

Deno.test("the addresses of all its shares are known of a delivered datagram", () => {
  const both = new Channels(3, random.fill), [shares] = both.seal(some(1));
  const sources = [1, 2, 3].map((host) => endpointOf({ host: `192.0.2.${host}`, port: host }));
  for (const channel of [2, 0, 1]) both.open(shares![channel]!, 0, sources[channel]!);
  assertEquals([...both.opener.used].sort(), [0, 1, 2]);
  assertEquals(both.opener.sources, Uint32Array.from(sources.flatMap((source) => [...source])));
});

Deno.test("what is not delivered is counted by its reason", () => {
  const both = new Channels(2, random.fill, { maxPayload: 50 }), [one, two, three, ...rest] = both.seal(some(2200));
  assertEquals([both.open(one![0]!), both.open(one![0]!)], [Waiting, Duplicate]);
  assertEquals([both.open(one![1]!), both.open(one![1]!)], [Datagram, Duplicate]);
  assertEquals([both.open(flipped(two![0]!)), both.open(two![1]!)], [Waiting, Forged]);
  assertEquals(both.opener.held, 0, "no other share of it can come");
  const long = { channel: 0, packet: new Uint8Array(14 + 18 + 51) };
  assertEquals(both.open(long), TooLarge);
  both.open(three![0]!);
  for (const sent of rest.at(-1)!) both.open(sent);
  assertEquals([both.open(three![1]!), both.open(three![0]!)], [Late, Late]);
  both.opener.expire(201);
  assertEquals(both.opener.counts, { duplicate: 2, late: 2, incomplete: 1, forged: 1, tooLarge: 1 });
});

Deno.test("a share waits for 200 ms, and then is none", () => {
  for (const [wait, result] of [[200, Datagram], [200.5, Waiting]] as const) {
    const both = new Channels(2, random.fill), [shares] = both.seal(some(1));
    both.open(shares![0]!, 1000);
    both.opener.expire(1000 + Math.min(200, wait));
    assertEquals(both.open(shares![1]!, 1000 + wait), result);
    // Its second chance is another 200 ms later.
    if (result === Waiting) assertEquals(both.open(shares![0]!, 1000 + wait + 1), Datagram);
  }
});

Deno.test("shares of unequal length are not joined", () => {
  const both = new Channels(3, random.fill), [shares] = both.seal(some(1));
  const shorter = { channel: 0, packet: shares![0]!.packet.slice(0, -1) };
  assertEquals([shorter, shares![1]!, shares![2]!].map((sent) => both.open(sent)), [Waiting, Waiting, Waiting]);
  both.opener.expire(1000);
  assertEquals([both.opener.counts.incomplete, both.opener.held], [3, 0]);
});

Deno.test("a flood on one channel evicts only that channel's shares", () => {
  const both = new Channels(2, random.fill), waiting = both.seal(some(100));
  for (const shares of waiting) both.open(shares[1]!);
  const packet = new Uint8Array(52);
  for (let flood = 0; flood < 10_000; flood++) {
    random.fill(packet);
    both.open({ channel: 0, packet });
    assert(both.opener.held <= RING_ENTRIES + 100);
  }
  for (const shares of waiting) assertEquals(both.open(shares[0]!), Datagram);
});

Deno.test("forged numbers, however high, do not move the window", () => {
  const both = new Channels(2, random.fill), [one, two] = both.seal(some(2));
  one!.forEach((sent) => both.open(sent));
  const far = { channel: 0, packet: two![0]!.packet.slice().fill(255, 8, 13) };
  assertEquals([both.open(far), both.open({ ...far, channel: 1 })], [Waiting, Forged]);
  assertEquals(two!.map((sent) => both.open(sent)), [Waiting, Datagram]);
});

Deno.test("of 2 of 3 shares any two will do, and a forged one is found out once the third is there", () => {
  for (const [first, second] of [[0, 1], [0, 2], [1, 2], [2, 0]] as const) {
    const both = new Channels(3, random.fill, { threshold: 2 }), [shares] = both.seal(some(1));
    assertEquals([both.open(shares![first]!), both.open(shares![second]!)], [Waiting, Datagram]);
    assertEquals([both.opener.usedCount, ...both.opener.used.subarray(0, 2)], [2, second, first]);
    const late = shares![3 - first - second]!, source = endpointOf({ host: "192.0.2.9", port: 9 });
    assertEquals([both.open(late, 0, source), both.open(late)], [Belated, Duplicate]);
    assertEquals([both.opener.usedCount, both.opener.used[0]], [1, late.channel]);
    assertEquals(both.opener.sources.subarray(6 * late.channel, 6 * late.channel + 6), source);
    assertEquals(both.delivered.length, 1);
  }
  for (const order of [[0, 1, 2], [1, 0, 2], [1, 2, 0]]) {
    const both = new Channels(3, random.fill, { threshold: 2 }), [shares] = both.seal(some(1));
    const results = order.map((channel) => both.open(channel === 1 ? flipped(shares![1]!) : shares![channel]!));
    assertEquals(results, [Waiting, Forged, Datagram], `${order}`);
    assertEquals([...both.opener.used.subarray(0, 2)].sort(), [0, 2]);
  }
});

Deno.test("a belated share is right or none, and a channel has one try, with one datagram in 50 ms", () => {
  const both = new Channels(4, random.fill, { threshold: 2 }), packets = both.seal(some(4));
  const deliver = (index: number, now: number) => [0, 1].map((channel) => both.open(packets[index]![channel]!, now));
  const rest = (index: number, forge = false) =>
    [2, 3].map((channel) => {
      const sent = packets[index]![channel]!;
      return both.open(forge && channel === 2 ? flipped(sent) : sent, 60);
    });
  assertEquals(deliver(0, 0), [Waiting, Datagram]);
  assertEquals(deliver(1, 49), [Waiting, Datagram]);
  assertEquals(rest(1), [Duplicate, Duplicate], "not a sample");
  assertEquals([...rest(0, true), ...rest(0)], [Duplicate, Belated, Duplicate, Duplicate]);
  const shorter = packets[2]![2]!.packet.slice(0, -1);
  assertEquals(deliver(2, 50), [Waiting, Datagram]);
  assertEquals([both.open({ channel: 2, packet: shorter }, 60), ...rest(2)], [Duplicate, Belated, Belated]);
});

Deno.test("a share that lags is belated up to 2 s, however many datagrams have passed by then", () => {
  const both = new Channels(3, random.fill, { threshold: 2 }), packets = both.seal(some(3000));
  const open = (index: number, channel: number, now: number) => both.open(packets[index]![channel]!, now);
  for (let index = 0; index < 3000; index++) {
    assertEquals([open(index, 0, index / 2), open(index, 1, index / 2)], [Waiting, Datagram]);
  }
  assertEquals([open(1, 2, 1500), open(0, 2, 1500), open(0, 2, 1500)], [Late, Belated, Late]);
  const [first] = both.seal(some(1)), [second] = both.seal(some(1));
  for (const [shares, now] of [[first!, 1549], [second!, 1550]] as const) {
    assertEquals([both.open(shares[0]!, now), both.open(shares[1]!, now)], [Waiting, Datagram]);
  }
  assertEquals([both.open(first![2]!, 1560), both.open(second![2]!, 1560)], [Belated, Duplicate]);
});

Deno.test("of many sets of shares only 32 are tried at a time", () => {
  const both = new Channels(16, random.fill, { threshold: 8 }), [shares] = both.seal(some(1));
  // Seven that are right are too few; from the eighth share on, each can be tried with many sets of the others.
  for (let channel = 0; channel < 16; channel++) {
    // Each forged at a byte of its own, so that no two cancel out.
    both.open(channel < 7 ? shares![channel]! : flipped(shares![channel]!, 20 + channel));
  }
  assertEquals(both.opener.counts.forged, 1 + 8 + 7 * 32);
});

Deno.test("what is too long is not sealed, and counted; a batch has its room", () => {
  const both = new Channels(2, random.fill, { maxPayload: 10, capacity: 2 }), { sealer } = both;
  assertEquals([sealer.add(0, new Uint8Array(11)), sealer.count, sealer.tooLarge], [false, 0, 1]);
  assert(sealer.add(0, new Uint8Array(10)) && sealer.add(65_535, new Uint8Array(0)));
  assert(sealer.isFull);
  assertThrows(() => sealer.add(0, new Uint8Array(0)), RangeError, "full");
  both.seal([]);
  assertThrows(() => sealer.add(65_536, new Uint8Array(0)), RangeError, "flow");
  assertThrows(() => sealer.flush([new DatagramBatch(2, 42)]), RangeError);
});

Deno.test("pads that fail leave nothing to send, and their numbers unused", () => {
  let fails = true;
  const both = new Channels(2, (into) => {
    if (fails) throw new Error("no pads");
    random.fill(into);
  });
  both.sealer.add(1, text("lost"));
  assertThrows(() => both.seal([]), Error, "no pads");
  fails = false;
  assertEquals(both.sealer.count, 0);
  for (const shares of both.seal([{ flow: 2, payload: text("next") }])) shares.forEach((sent) => both.open(sent));
  assertEquals(both.delivered, [{ sequence: 1, flow: 2, payload: text("next").toHex() }]);
});

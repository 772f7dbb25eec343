/** Packets of datagrams: one by one, and many as channels bring them. */
import { assert, assertEquals } from "@std/assert";
import { Opened } from "../../src/datagrams/opener.ts";
import { decodePacket, encodePath, PACKET_OVERHEAD, PacketKind, packetKind } from "../../src/datagrams/packet.ts";
import { writeHead } from "../../src/datagrams/packet.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { Channels, type Sent } from "../datagrams/channels.ts";
import { Random } from "../support/random/random.ts";
import { taken, type Target } from "./target.ts";
import { decodeDatagrams, encodeDatagrams } from "../../src/wire/datagrams.ts";
import { linkTarget } from "./link_target.ts";
import { vectorsOf } from "./vectors.ts";

const packets = [...vectorsOf("pathPacket", "bytes"), ...vectorsOf("invalidPacket", "bytes")];

/** A packet that is taken apart must be put together again from its parts. */
const packet: Target = {
  name: "packet of a datagram",
  seeds: [...packets, new Uint8Array(PACKET_OVERHEAD), new Uint8Array(100).fill(7)],
  words: packets.map((bytes) => bytes.subarray(8, 15)),
  longest: 200,
  take(input) {
    const decoded = taken(() => decodePacket(input), [WireError])?.value;
    assertEquals(packetKind(input), decoded?.kind ?? null);
    if (decoded === undefined) return false;
    let again: Uint8Array;
    if (decoded.kind === PacketKind.Share) {
      again = new Uint8Array(input.length);
      writeHead(again, 0, decoded.handle, decoded.sequence);
      again.set(decoded.share, 14);
    } else {
      again = encodePath(decoded.handle, decoded.kind, decoded.token);
    }
    assertEquals(again.toHex(), input.toHex());
    return true;
  },
};

/** Datagrams that an adversary of the first two of three channels sees. */
const SENT = 4;

/**
 * Packets on three channels, of which the last is honest. Each step of the input is a byte that names a channel and a
 * datagram, a byte that says by how much to move and cut it, and a byte that is added to the share. Whatever they are, only
 * datagrams that were sent are delivered.
 */
const arriving: Target = {
  name: "packets of datagrams on three channels",
  seeds: [
    Uint8Array.from(Array.from({ length: 12 }, (_, index) => [index % 3 << 4 | Math.floor(index / 3), 0, 0]).flat()),
    Uint8Array.of(0, 0, 1, 16, 0, 0, 32, 0, 0, 1, 16, 0, 17, 0, 0, 33, 0, 0),
    Uint8Array.of(0, 3, 0, 16, 3, 0, 32, 0, 0),
  ],
  words: [Uint8Array.of(0, 0, 0), Uint8Array.of(16, 0, 0), Uint8Array.of(32, 0, 0)],
  longest: 300,
  take(input) {
    const random = new Random(1), both = new Channels(3, random.fill);
    const sent = both.seal(Array.from({ length: SENT }, (_, flow) => ({ flow, payload: random.bytes(10 * flow) })));
    let now = 0;
    for (let at = 0; at + 3 <= input.length; at += 3) {
      const [which = 0, change = 0, added = 0] = input.subarray(at, at + 3), channel = (which >> 4) % 3;
      const { packet } = sent[which % SENT]![channel]!;
      const opened: Sent = { channel, packet: channel === 2 ? packet : changed(packet, change, added) };
      if (both.open(opened, now += change >> 6) === Opened.TooLarge) return false;
    }
    for (const { sequence, flow } of both.delivered) assertEquals(sequence, flow);
    assertEquals(new Set(both.delivered.map(({ sequence }) => sequence)).size, both.delivered.length);
    assert(both.opener.held <= 3 * input.length);
    return both.delivered.length > 0;
  },
};

/** A packet whose number is raised by the lowest two bits of `change`, cut by the next four, its share changed at its end. */
function changed(packet: Uint8Array, change: number, added: number): Uint8Array<ArrayBuffer> {
  const copy = packet.slice(0, Math.max(PACKET_OVERHEAD, packet.length - (change >> 2 & 15)));
  copy[13]! += change & 3;
  copy[copy.length - 1]! ^= added;
  return copy;
}

/** The means that a side hands out. */
const means: Target = {
  name: "body of DATAGRAMS",
  seeds: [2, 3, 16].map((handles) => new Uint8Array(16 + 8 * handles).map((_, index) => index)),
  words: [new Uint8Array(8).fill(1)],
  longest: 200,
  take(input) {
    const decoded = taken(() => decodeDatagrams(input), [WireError])?.value;
    if (decoded === undefined) return false;
    assertEquals(encodeDatagrams(decoded).toHex(), input.toHex());
    assert(decoded.key.length === 16 && decoded.handles.every(({ length }) => length === 8));
    return true;
  },
};

export const datagramTargets: readonly Target[] = [packet, arriving, means, linkTarget];

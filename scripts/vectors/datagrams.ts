import { multiply, toElement, toInteger } from "./sealing.ts";
import { changed, counted, join, shortHex, uint, utf8, type Vector } from "./vector.ts";

const PATH_SEQUENCE = 2 ** 48 - 1;

/** The tag of a datagram (docs/PROTOCOL.md, A.3): m1 k + m2 k^2 + ..., term by term. */
export function datagramTagSlowly(k: Uint8Array, sequence: number, tagged: Uint8Array): Uint8Array<ArrayBuffer> {
  const filled = join(tagged, new Uint8Array((16 - tagged.length % 16) % 16));
  const blocks = [join(new Uint8Array(5), uint(tagged.length, 3), uint(sequence, 8))];
  for (let at = 0; at < filled.length; at += 16) blocks.push(filled.slice(at, at + 16));
  let sum = 0n, power = 1n;
  for (const block of blocks) {
    power = multiply(power, toInteger(k));
    sum ^= multiply(toInteger(block), power);
  }
  return toElement(sum);
}

/** A datagram's message: its tag, flow and payload. */
export function messageSlowly(k: Uint8Array, sequence: number, flow: number, payload: Uint8Array): Uint8Array {
  const tagged = join(uint(flow, 2), payload);
  return join(datagramTagSlowly(k, sequence, tagged), tagged);
}

/** Tags of datagrams (docs/PROTOCOL.md, A.3). */
export function datagramTags(): Vector[] {
  const k = counted(16);
  const tag = (name: string, description: string, sequence: number, tagged: Uint8Array, key = k): Vector => ({
    ...{ name, description, k: key.toHex(), sequence, tagged: shortHex(tagged) },
    tag: datagramTagSlowly(key, sequence, tagged).toHex(),
  });
  return [
    tag("flow alone", "An empty payload on flow 0: two blocks", 0, uint(0, 2)),
    tag("a block", "14 bytes on flow 1", 1, join(uint(1, 2), counted(14, 65))),
    tag("a block and a byte", "15 bytes on flow 1: zeros behind them", 1, join(uint(1, 2), counted(15, 65))),
    tag("zeros", "14 zeros on flow 0: the length alone tells them from none", 1, new Uint8Array(16)),
    tag("a byte less", "13 zeros on flow 0: another tag", 1, new Uint8Array(15)),
    tag("all ones", "Every bit set", 2 ** 48 - 2, new Uint8Array(48).fill(255), new Uint8Array(16).fill(255)),
    tag("usual", "1,400 bytes", 2 ** 32 + 1, join(uint(65_535, 2), ...Array(7).fill(counted(200, 7)))),
    tag("longest", "65,535 bytes", 7, new Uint8Array(65_535).fill(255)),
  ];
}

/** Datagrams, and a packet of each on every channel by XOR (docs/PROTOCOL.md, A.2). */
export function datagrams(): Vector[] {
  const k = counted(16);
  const datagram = (
    name: string,
    description: string,
    channels: number,
    sequence: number,
    flow: number,
    payload: Uint8Array,
  ): Vector => {
    const message = messageSlowly(k, sequence, flow, payload);
    const handles = Array.from({ length: channels }, (_, channel) => counted(8, 160 + 8 * channel));
    const pads = handles.slice(1).map((_, index) => counted(message.length, 16 + index * message.length));
    const last = pads.reduce((sum, pad) => sum.map((byte, at) => byte ^ pad[at]!), message);
    const packets = [...pads, last].map((share, channel) => join(handles[channel]!, uint(sequence, 6), share));
    return {
      ...{ name, description, k: k.toHex(), sequence, flow, payload: payload.toHex(), message: message.toHex() },
      handles: handles.map((handle) => handle.toHex()),
      pads: pads.map((pad) => pad.toHex()),
      packets: packets.map((packet) => packet.toHex()),
    };
  };
  return [
    datagram("first", "Three channels", 3, 0, 0, utf8("Multiple Independent Channels")),
    datagram("empty", "No payload, on another flow", 3, 1, 258, new Uint8Array(0)),
    datagram("two channels", "The second of two", 2, 1, 65_535, counted(40, 100)),
    datagram("high number", "Sequence number 2^48 - 2", 2, 2 ** 48 - 2, 1, Uint8Array.of(33)),
  ];
}

/** Packets about return addresses (docs/PROTOCOL.md, A.5). */
export function pathPackets(): Vector[] {
  const handle = counted(8, 160), token = counted(8);
  return [1, 2].map((kind) => ({
    ...{ name: kind === 1 ? "challenge" : "response", description: `Kind ${kind}` },
    ...{ handle: handle.toHex(), kind, token: token.toHex() },
    bytes: pathPacket(handle, kind, token).toHex(),
  }));
}

function pathPacket(handle: Uint8Array, kind: number, token: Uint8Array): Uint8Array {
  return join(handle, uint(PATH_SEQUENCE, 6), Uint8Array.of(kind), token);
}

/** Packets that must be dropped (docs/PROTOCOL.md, A.2 and A.5). */
export function invalidPackets(): Vector[] {
  const handle = counted(8, 160), path = pathPacket(handle, 1, counted(8));
  const invalid = (name: string, description: string, bytes: Uint8Array): Vector => {
    return { name, description, bytes: bytes.toHex() };
  };
  return [
    invalid("empty", "No byte", new Uint8Array(0)),
    invalid("handle alone", "8 bytes", handle),
    invalid("short share", "A share of 17 bytes: no room for tag and flow", join(handle, uint(1, 6), counted(17))),
    invalid("short challenge", "A token of 7 bytes", path.subarray(0, 22)),
    invalid("long challenge", "A token of 9 bytes", join(path, Uint8Array.of(0))),
    invalid("kind 0", "An unknown kind", changed(path, 14, 0)),
    invalid("kind 3", "An unknown kind", changed(path, 14, 3)),
  ];
}

/** Any packets, from anywhere, into a server's link: with shares of real ones among them. */
import { assert, assertEquals } from "@std/assert";
import { DatagramCounts } from "../../src/datagrams/counts.ts";
import { HandleTable } from "../../src/datagrams/handles.ts";
import { DatagramLink, type LinkChannel } from "../../src/datagrams/link.ts";
import { encodePath, PacketKind, packetKind } from "../../src/datagrams/packet.ts";
import { DatagramBatch, type DatagramSocket } from "../../src/net/datagram.ts";
import { type Endpoint, ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { thresholdScheme } from "../../src/sharing/threshold.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { Random } from "../support/random/random.ts";
import type { Target } from "./target.ts";

const CHANNELS = 3, SENT = 4, PORT = 6522;

/** Addresses that packets come from: one for each channel, and others. */
const SOURCES: readonly Endpoint[] = Array.from(
  { length: 6 },
  (_, index) => endpointOf({ host: `198.51.100.${index >> 1}`, port: 1000 + index }),
);

const SERVER = Array.from({ length: CHANNELS }, (_, index) => endpointOf({ host: `192.0.2.${index}`, port: PORT }));

interface Left {
  readonly channel: number;
  readonly to: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A link of either side whose packets are kept, not sent. */
function makeLink(isServer: boolean, random: Random, clock: FakeClock) {
  const left: Left[] = [], counts = new DatagramCounts(), handles = new HandleTable<LinkChannel>(random.fill);
  const ports = SERVER.map((local, channel) => {
    const send = (batch: DatagramBatch, count: number): number => {
      for (let index = 0; index < count; index++) {
        const to = batch.remotes.slice(index * ENDPOINT_WORDS, (index + 1) * ENDPOINT_WORDS).join();
        left.push({ channel, to, bytes: batch.bytes(index).slice() });
      }
      return count;
    };
    const socket = { address: { host: "192.0.2.0", port: PORT }, hasClasses: true, send, maxPayload: () => 500 };
    return { socket: socket as unknown as DatagramSocket, local, peer: { host: "192.0.2.0", port: PORT } };
  });
  const link = new DatagramLink({
    ...{ ports, clock, handles, counts, scheme: thresholdScheme(2), threshold: 2, pads: random.fill },
    remotes: isServer ? null : SERVER,
    forged: () => {},
    failed: (error) => {
      throw error;
    },
  });
  return { link, left, counts, handles };
}

/** A client's link, and the packets of its first datagrams to a server whose handles follow from the seed. */
const client = makeLink(false, new Random(2), new FakeClock());
const packets = sentTo(makeLink(true, new Random(1), new FakeClock()).link);

function sentTo(server: DatagramLink): readonly Left[] {
  const { link, left } = client, random = new Random(3);
  link.accept(server.means);
  for (let flow = 1; flow <= SENT; flow++) link.send(flow, random.bytes(40 * flow), 0);
  // Datagrams that wait leave with a batch that is full.
  for (let fill = SENT; fill < 70; fill++) link.send(9, new Uint8Array(1), 0);
  return left.filter(({ bytes }) => bytes.length > 60);
}

/**
 * Each step of the input is four bytes: which channel's packet of which datagram, with its highest bit a packet about a return
 * address instead; a byte of it that is changed, 0 for none, and by what; and the address that it comes from, with its highest
 * bit after a second. Whatever comes, what is delivered was sent, and once; and an address that did not answer gets no more
 * than three times what came from there.
 */
export const linkTarget: Target = {
  name: "packets into a link",
  seeds: [
    Uint8Array.from(
      Array.from({ length: 12 }, (_, at) => [at % 3 << 4 | Math.floor(at / 3), 0, 0, 2 * (at % 3)]).flat(),
    ),
    Uint8Array.of(0, 0, 0, 0, 16, 0, 0, 2, 128, 0, 0, 0, 144, 0, 0, 2, 1, 0, 0, 1, 17, 0, 0, 131),
    Uint8Array.of(0, 40, 1, 0, 16, 0, 0, 2, 32, 0, 0, 4, 3, 9, 1, 0),
  ],
  words: [
    Uint8Array.of(0, 0, 0, 0),
    Uint8Array.of(16, 0, 0, 2),
    Uint8Array.of(32, 0, 0, 4),
    Uint8Array.of(128, 0, 0, 0),
  ],
  longest: 240,
  take(input) {
    const clock = new FakeClock(), server = makeLink(true, new Random(1), clock);
    server.link.accept(client.link.means);
    const delivered: string[] = [], from = new Map<string, number>(), answered = new Set<string>();
    for (let flow = 0; flow < 256; flow++) {
      server.link.attach(flow, (payload) => {
        delivered.push(`${flow} ${payload.length}`);
        server.link.send(flow, payload, 0);
      });
    }
    const batch = new DatagramBatch(1, 500);
    for (let at = 0; at + 4 <= input.length; at += 4) {
      const [which = 0, change = 0, by = 0, source = 0] = input.subarray(at, at + 4),
        channel = (which >> 4 & 7) % CHANNELS;
      if (source >= 128) void clock.advance(1000);
      const endpoint = SOURCES[source % SOURCES.length]!, name = endpoint.join();
      let bytes = packets.filter((packet) => packet.channel === channel)[which % SENT]!.bytes.slice();
      if (which >= 128) {
        const challenge = server.left.findLast((one) => one.bytes.length === 23 && one.channel === channel);
        const kind = by % 2 === 0 ? PacketKind.Response : PacketKind.Challenge;
        bytes = encodePath(bytes, kind, challenge?.bytes.subarray(15) ?? bytes.subarray(0, 8));
        if (challenge?.to === name && kind === PacketKind.Response) answered.add(`${channel} ${name}`);
      } else if (change > 0) bytes[change % bytes.length]! ^= by;
      const kind = packetKind(bytes), end = kind === null ? undefined : server.handles.find(bytes);
      if (end === undefined) continue;
      from.set(`${end.channel} ${name}`, (from.get(`${end.channel} ${name}`) ?? 0) + bytes.length);
      batch.slot(0).set(bytes);
      batch.lengths[0] = bytes.length;
      batch.remotes.set(endpoint);
      end.link.receive(end.channel, kind!, batch.bytes(0), batch, 0);
    }
    // Those that wait: a batch that is full leaves at once.
    for (let fill = 0; fill < 65; fill++) server.link.send(9, new Uint8Array(1), 0);
    assertEquals(new Set(delivered).size, delivered.length);
    for (const one of delivered) assert(/^([1-4]) (\d+)$/.test(one) && isWhole(one), one);
    const to = new Map<string, number>();
    for (const one of server.left) {
      const key = `${one.channel} ${one.to}`;
      to.set(key, (to.get(key) ?? 0) + one.bytes.length);
    }
    for (const [key, bytes] of to) assert(answered.has(key) || bytes <= 3 * (from.get(key) ?? 0), key);
    server.link.close();
    return delivered.length > 0;
  },
};

/** Reports whether a flow's payload has the length that was sent. */
function isWhole(delivered: string): boolean {
  const [flow, length] = delivered.split(" ").map(Number);
  return length === 40 * flow!;
}

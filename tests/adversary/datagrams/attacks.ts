/** All attacks on datagrams. */
import { encodePath, PacketKind, readSequence, writeHead } from "../../../src/datagrams/packet.ts";
import type { Packet } from "../../support/network/memory_datagrams.ts";
import type { Random } from "../../support/random/random.ts";
import { type DatagramAttack, flipped, isShare, type Seen, STRANGER, VICTIM, withBytes } from "./attack.ts";
import { withHandle, withShare } from "./attack.ts";

/** Half of the packets, so that honest and changed ones mix. */
const half = (random: Random) => random.below(2) === 0;

const FIELDS = {
  "a handle's first bytes": [0, 6],
  "a handle's last bytes": [6, 8],
  "a sequence number": [8, 14],
  "a share of the tag": [14, 30],
  "a share of the flow": [30, 32],
  "a share of the payload": [32, undefined],
} as const;

/** Changes to packets, one by one. */
const CHANGES: readonly DatagramAttack[] = [
  ...Object.entries(FIELDS).flatMap(([what, [from, end]]): DatagramAttack[] => [{
    name: `flips a bit of ${what}`,
    counts: from < 8 ? ["stray"] : from < 14 ? ["incomplete", "forged", "stray"] : ["forged", "duplicate"],
    begin: ({ random }) => ({ packet }) => [isShare(packet) ? flipped(packet, random, from, end) : packet],
  }, {
    name: `adds a packet with a bit of ${what} flipped behind each one`,
    // One with another number takes the place of a share that is yet to come, of its own channel.
    harmless: from !== 8,
    begin: ({ random }) => ({ packet }) => [packet, flipped(packet, random, from, end)],
  }]),
  {
    name: "cuts packets",
    counts: ["incomplete", "stray"],
    begin: ({ random }) => ({ packet }) => [
      withBytes(packet, packet.bytes.slice(0, random.below(packet.bytes.length))),
    ],
  },
  {
    name: "makes packets longer",
    counts: ["incomplete", "duplicate"],
    begin: ({ random }) => ({ packet }) => [
      withBytes(packet, Uint8Array.from([...packet.bytes, ...random.bytes(1 + random.below(40))])),
    ],
  },
  {
    name: "makes packets longer than any may be",
    counts: ["tooLarge"],
    begin: () => ({ packet }) => {
      const bytes = new Uint8Array(9000);
      bytes.set(packet.bytes);
      return [withBytes(packet, bytes)];
    },
  },
];

/** Packets lost, repeated, delayed and out of order. */
const MOVES: readonly DatagramAttack[] = [
  { name: "loses all packets", begin: () => () => [] },
  { name: "loses half of the packets", begin: ({ random }) => ({ packet }) => half(random) ? [] : [packet] },
  {
    name: "sends packets three times",
    harmless: true,
    counts: ["duplicate"],
    begin: () => ({ packet }) => [packet, packet, packet],
  },
  {
    name: "holds packets back for rounds",
    counts: ["incomplete", "duplicate", "stray"],
    begin: ({ random, inject, eachRound }) => {
      let held: Packet[] = [], rounds = 0;
      eachRound(() => {
        if (++rounds % 7 !== 0) return;
        for (const packet of held) inject(packet);
        held = [];
      });
      return ({ packet }) => {
        if (half(random)) return [packet];
        held.push(packet);
        return [];
      };
    },
  },
  {
    name: "turns the order of packets round",
    begin: () => {
      const held: Packet[] = [];
      return ({ packet }) => {
        held.unshift(packet);
        return held.length < 6 ? [] : held.splice(0);
      };
    },
  },
  {
    name: "replays all that it has seen, also after the association's end",
    harmless: true,
    counts: ["duplicate", "stray"],
    begin: ({ history, inject, eachRound }) => {
      eachRound(() => history.slice(0, 60).forEach(({ packet }) => inject(packet)));
      return ({ packet }) => [packet];
    },
  },
];

/** Picks an earlier packet, the same way or not. */
function earlier(history: readonly Seen[], random: Random, fits: (one: Seen) => boolean): Packet | null {
  const some = history.slice(-100).filter((one) => isShare(one.packet) && fits(one));
  return some.length === 0 ? null : random.pick(some).packet;
}

/** Shares put in the place of others. */
const SPLICES: readonly DatagramAttack[] = [
  ["of another datagram", (a: Seen, b: Seen) => a.client === b.client && a.up === b.up && a.channel === b.channel],
  ["of the other direction", (a: Seen, b: Seen) => a.client === b.client && a.up !== b.up && a.channel === b.channel],
  ["of another client", (a: Seen, b: Seen) => a.client !== b.client],
  ["of another channel", (a: Seen, b: Seen) => a.client === b.client && a.up === b.up && a.channel !== b.channel, 2],
  [
    "of another channel with the same number",
    (a: Seen, b: Seen) =>
      a.client === b.client && a.up === b.up && a.channel !== b.channel &&
      readSequence(a.packet.bytes) === readSequence(b.packet.bytes),
    2,
  ],
].map(([what, fits, least = 1]): DatagramAttack => ({
  name: `puts a share ${what} into packets`,
  least: least as number,
  counts: ["forged", "incomplete", "duplicate"],
  begin: ({ history, random }) => (seen) => {
    const other = earlier(history, random, (one) => (fits as (a: Seen, b: Seen) => boolean)(seen, one));
    return [other === null || !isShare(seen.packet) ? seen.packet : withShare(seen.packet, other)];
  },
}));

/** Packets that go where they don't belong. */
const ELSEWHERE: readonly DatagramAttack[] = [
  {
    name: "gives packets the handle of another client",
    counts: ["incomplete", "duplicate", "forged", "stray"],
    begin: ({ history, random }) => (seen) => {
      const other = earlier(history, random, ({ client, up }) => client !== seen.client && up === seen.up);
      return [other === null ? seen.packet : withHandle(seen.packet, other.bytes)];
    },
  },
  {
    name: "gives packets the handle of another channel",
    least: 2,
    counts: ["stray"],
    begin: ({ history, random }) => (seen) => {
      const other = earlier(history, random, (one) => one.channel !== seen.channel && one.up === seen.up);
      return [other === null ? seen.packet : withHandle(seen.packet, other.bytes)];
    },
  },
  {
    name: "sends packets of one channel to another one's address",
    least: 2,
    counts: ["stray"],
    begin: ({ history, random }) => (seen) => {
      const other = earlier(history, random, (one) => one.channel !== seen.channel && one.up === seen.up);
      return [other === null ? seen.packet : { ...seen.packet, to: other.to }];
    },
  },
  {
    name: "sends the server's packets back to it, and the client's to the client",
    harmless: true,
    counts: ["stray"],
    begin: () => ({ packet }) => [packet, { ...packet, to: packet.from, from: packet.to }],
  },
];

/** Return addresses. */
const ADDRESSES: readonly DatagramAttack[] = [
  {
    name: "has packets come from a victim's address",
    begin: () => ({ packet, up }) => [up ? { ...packet, from: VICTIM } : packet],
  },
  {
    name: "has every other packet come from a victim's address",
    begin: ({ random }) => ({ packet, up }) => [up && half(random) ? { ...packet, from: VICTIM } : packet],
  },
  {
    name: "has packets come from changing addresses",
    begin: ({ random }) => ({ packet, up }) => {
      const from = packet.from.slice();
      from[4] = 1024 + random.below(60_000);
      return [up ? { ...packet, from } : packet];
    },
  },
  {
    name: "has packets come from the other client's address",
    begin: ({ history }) => ({ packet, up, client, channel }) => {
      const other = history.findLast((one) => one.up && one.client !== client && one.channel === channel);
      return [up && other !== undefined ? { ...packet, from: other.packet.from } : packet];
    },
  },
  {
    name: "has packets come from another channel's host",
    begin: () => ({ packet, up, channel }) => {
      const from = packet.from.slice(), bytes = new Uint8Array(from.buffer);
      bytes[14] = channel === 0 ? 1 : 0;
      from[4]!++;
      return [up ? { ...packet, from } : packet];
    },
  },
  {
    name: "has packets come from the server's own address",
    begin: () => ({ packet, up }) => [up ? { ...packet, from: packet.to } : packet],
  },
  {
    name: "answers challenges with any token, from the victim's address",
    begin: ({ random }) => ({ packet, up }) => {
      if (!up) return [packet];
      const answer = encodePath(packet.bytes.slice(0, 8), PacketKind.Response, random.bytes(8));
      return [{ ...packet, from: VICTIM }, withBytes({ ...packet, from: VICTIM }, answer)];
    },
  },
  {
    name: "answers challenges that it has seen, from the victim's address",
    begin: ({ history }) => ({ packet, up, client, channel }) => {
      if (!up) return [packet];
      const challenge = history.findLast((one) =>
        !one.up && one.client === client && one.channel === channel && one.packet.bytes.length === 23
      );
      if (challenge === undefined) return [packet];
      const answer = encodePath(packet.bytes.slice(0, 8), PacketKind.Response, challenge.packet.bytes.slice(15));
      return [packet, withBytes({ ...packet, from: VICTIM }, answer)];
    },
  },
  {
    name: "challenges both sides, as the other one and as the victim",
    harmless: true,
    counts: ["stray"],
    begin: ({ random }) => ({ packet }) => {
      const challenge = encodePath(packet.bytes.slice(0, 8), PacketKind.Challenge, random.bytes(8));
      return [packet, withBytes(packet, challenge), withBytes({ ...packet, from: VICTIM }, challenge)];
    },
  },
];

/** Floods, and strangers. */
const FLOODS: readonly DatagramAttack[] = [
  {
    name: "floods its channels with numbers to come",
    counts: ["incomplete"],
    begin: ({ random }) => ({ packet }) => {
      const sequence = readSequence(packet.bytes);
      return [packet, ...forgeries(packet, random, 40, () => sequence + 1 + random.below(3000))];
    },
  },
  {
    name: "fills the rings of its channels",
    counts: ["incomplete"],
    begin: ({ random, history, inject, eachRound }) => {
      eachRound(() => {
        const last = history.at(-1)?.packet;
        let sequence = random.below(2 ** 32);
        if (last !== undefined) forgeries(last, random, 1100, () => sequence++).forEach(inject);
      });
      return ({ packet }) => [packet];
    },
  },
  {
    name: "sends forged shares before the true ones",
    counts: ["forged", "duplicate"],
    begin: ({ random }) => ({ packet }) => isShare(packet) ? [flipped(packet, random, 14), packet] : [packet],
  },
  {
    name: "sends as a stranger, without a handle",
    harmless: true,
    counts: ["stray"],
    begin: ({ random }) => ({ packet }) => {
      const any = withBytes({ ...packet, from: STRANGER }, random.bytes(random.below(200)));
      return [packet, any, withHandle({ ...packet, from: STRANGER }, random.bytes(8))];
    },
  },
  {
    name: "sends as a stranger, with a handle that ended",
    harmless: true,
    counts: ["stray"],
    begin: ({ history, inject, eachRound }) => {
      let rounds = 0;
      eachRound(() => {
        if (++rounds < 8) return;
        for (const { packet } of history.slice(0, 40)) inject({ ...packet, from: STRANGER });
      });
      return ({ packet }) => [packet];
    },
  },
];

/** Packets with other numbers and any share. */
function forgeries(packet: Packet, random: Random, count: number, sequence: () => number): Packet[] {
  return Array.from({ length: count }, () => {
    const bytes = random.bytes(40 + random.below(60));
    writeHead(bytes, 0, packet.bytes, sequence());
    return withBytes(packet, bytes);
  });
}

/** All attacks, in families. */
export const DATAGRAM_ATTACKS: Readonly<Record<string, readonly DatagramAttack[]>> = {
  "packets changed": CHANGES,
  "packets lost, repeated, delayed and replayed": MOVES,
  "shares spliced": SPLICES,
  "packets that go elsewhere": ELSEWHERE,
  "return addresses": ADDRESSES,
  "floods and strangers": FLOODS,
};

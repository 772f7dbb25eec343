/**
 * Short shares on n-1 channels say nothing of a message but its records' lengths. Exactly so, counted over all pads and keys,
 * if the cipher's key stream is replaced by one that is as random as its key; and with the cipher, as far as a test can tell.
 */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { guardedPads, PadError } from "../../src/sharing/guarded_pads.ts";
import { CIPHER_KEY_LENGTH, type StreamCipher } from "../../src/sharing/stream_cipher.ts";
import { type PadSource, systemPads } from "../../src/sharing/system_pads.ts";
import { LONGEST_WHOLE_BODY } from "../../src/short/layout.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction } from "../records/direction.ts";
import { allButOne, sum } from "../secrecy/watched.ts";
import { forSeeds, type Random } from "../support/random/random.ts";
import { partsOf, sharesOf } from "./shared.ts";

/** Length in bytes of what is drawn for a key: its end is not used, and shows that the key was drawn whole. */
const KEY_DRAWN = CIPHER_KEY_LENGTH + 16;

/** Encrypts with a key stream. */
function cipherOf(stream: (key: Uint8Array, at: number) => number): StreamCipher {
  return (key, from, into) => {
    let at = 0;
    from.forEach((part, index) => part.forEach((byte, offset) => into[index]![offset] = byte ^ stream(key, at++)));
  };
}

function split(message: Uint8Array, count: number, pads: PadSource, cipher: StreamCipher): Uint8Array[] {
  const splitter = new ShortSplitter(count, pads, cipher), length = splitter.lengthOf(message);
  const shares = Array.from({ length: count }, () => new Uint8Array(length));
  splitter.split(message, shares);
  return shares;
}

/** The symbols of an enumeration: `bits` of every byte, the same in each part of a share, and in each key. */
interface Space {
  readonly channels: number;
  readonly bits: number;
  /** Lengths of bodies: multiples of the number of channels, as padding would show a key stream that is one symbol. */
  readonly lengths: readonly number[];
}

/** Message bytes whose bodies consist of a symbol. What is shared byte by byte is the same: secrecy_test.ts of records is for it. */
function messageOf(symbol: number, lengths: readonly number[]): Uint8Array {
  const parts = direction(lengths.map((length) => new Uint8Array(length)));
  return concat(parts.map((part, index) => index === 0 ? part : part.fill(symbol, RECORD_HEAD_LENGTH)));
}

/** Counts each value of the shares in `seen`, over all pads and keys; and those pads and keys. */
function distribution(symbol: number, { channels, bits, lengths }: Space, seen: readonly number[]) {
  const counts = new Map<string, number>(), message = messageOf(symbol, lengths), mask = (1 << bits) - 1;
  let drawn = 0, left = 0, keys = 0;
  const digit = (): number => {
    const digit = left & mask;
    left >>>= bits;
    drawn++;
    return digit;
  };
  // A pad of its own for what is in front of a key, for the share of the key, and for the key itself.
  const pads: PadSource = (into) => {
    // No key is zeros, or begins as the one before: that would be taken for a failure.
    if (into.length === KEY_DRAWN) return void into.fill(digit() | 16 * (1 + keys++ % 2));
    const key = into.length - CIPHER_KEY_LENGTH;
    into.fill(digit(), 0, key);
    into.fill(digit(), key);
  };
  const cipher = cipherOf((key) => key[0]! & mask);
  split(message, channels, pads, cipher);
  const total = 1 << bits * drawn;
  for (let all = 0; all < total; all++) {
    left = all;
    const shares = split(message, channels, pads, cipher),
      value = seen.map((index) => shares[index]!.toHex()).join(" ");
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return { counts, total };
}

for (
  const space of [
    { channels: 2, bits: 2, lengths: [1026] },
    { channels: 2, bits: 1, lengths: [1026, 1026] },
    { channels: 3, bits: 1, lengths: [1026] },
    { channels: 4, bits: 1, lengths: [1028] },
  ]
) {
  const { channels, bits, lengths } = space, indexes = Array.from({ length: channels }, (_, index) => index);
  const what = `${lengths.length} large record(s) of ${bits} bits, over all pads and keys`;

  Deno.test(`any ${channels - 1} of ${channels} short shares are uniform and independent of ${what}`, () => {
    for (const seen of allButOne(channels)) {
      const { counts, total } = distribution(0, space, seen);
      assertEquals([counts.size, new Set(counts.values())], [total, new Set([1])], `${seen}`);
      for (let symbol = 1; symbol < 1 << bits; symbol++) {
        const other = distribution(symbol, space, seen).counts;
        assertEquals(other.size, counts.size);
        assert([...other].every(([value, count]) => counts.get(value) === count), `${symbol} on ${seen}`);
      }
    }
    const all = new Set(distribution(0, space, indexes).counts.keys());
    const other = [...distribution(1, space, indexes).counts.keys()];
    assert(other.every((value) => !all.has(value)), "all shares tell");
  });
}

/** Two directions with records of the same lengths, whose keys and bodies differ. */
function directions(random: Random): [Uint8Array, Uint8Array, number[]] {
  const lengths = Array.from({ length: random.between(1, 4) }, () => random.pick([7, 1024, 1025, 1500, 3001]));
  const one = (seed: number) => concat([...direction(lengths.map((length) => random.bytes(length)), seed)]);
  return [one(random.below(1000)), one(1000 + random.below(1000)), lengths];
}

for (const count of [2, 3, 4, 16]) {
  Deno.test(`${count - 1} of ${count} short shares of a direction are as likely those of any other, with any keys`, async () => {
    await forSeeds(6, (random) => {
      const [message, other, lengths] = directions(random);
      const keys: Uint8Array[] = [], streams: Uint8Array[] = [];
      const drawing: PadSource = (into) => {
        random.fill(into);
        if (into.length === KEY_DRAWN) keys.push(into.slice(0, CIPHER_KEY_LENGTH));
      };
      const sent = split(message, count, drawing, (key, from, into) => {
        const stream = random.bytes(from.reduce((sum, { length }) => sum + length, 0));
        streams.push(stream);
        cipherOf((_, at) => stream[at]!)(key, from, into);
      });
      const parts = partsOf(lengths.map((length) => new Uint8Array(length)), count).filter(({ name }) =>
        name !== "padding"
      );
      const [bodies, others] = [bodiesIn(message, lengths), bodiesIn(other, lengths)];
      for (let hidden = 0; hidden < count; hidden++) {
        const otherKeys = keys.map(() => random.bytes(CIPHER_KEY_LENGTH));
        // All shares are those that were sent, but for one: it makes up for the other message and the other keys.
        const difference = differenceOf(message, other, lengths, keys, otherKeys),
          due = sent.map((share) => share.slice());
        let from = 0;
        for (const { name, at, length } of parts) {
          if (name === "fragment") continue;
          due[hidden]!.set(sum([due[hidden]!.subarray(at, at + length), difference.subarray(from, from + length)]), at);
          from += length;
        }
        const made = due.map((share) => new Uint8Array(share.length)), left = [...otherKeys];
        const pads: PadSource = (into) => {
          const index = made.findIndex(({ buffer }) => buffer === into.buffer);
          if (index >= 0) into.set(due[index]!.subarray(into.byteOffset, into.byteOffset + into.length));
          else {
            random.fill(into);
            into.set(left.shift()!);
          }
        };
        let large = 0;
        const cipher: StreamCipher = (key, from, into) => {
          const [stream, body, other] = [streams[large]!, bodies[large]!, others[large++]!];
          cipherOf((_, at) => stream[at]! ^ (body[at] ?? 0) ^ (other[at] ?? 0))(key, from, into);
        };
        new ShortSplitter(count, pads, cipher).split(other, made);
        made.forEach((share, index) => assertEquals(share.toHex(), due[index]!.toHex(), `${hidden}, ${index}`));
        assertNotEquals(made[hidden]!.toHex(), sent[hidden]!.toHex());
        assertEquals(left, []);
      }
    });
  });
}

/** The difference of what is shared byte by byte: two messages but for their large bodies, with two lists of keys in their place. */
function differenceOf(
  message: Uint8Array,
  other: Uint8Array,
  lengths: readonly number[],
  keys: readonly Uint8Array[],
  otherKeys: readonly Uint8Array[],
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let from = 0, at = KEY_LENGTH, large = 0;
  for (const length of lengths) {
    at += RECORD_HEAD_LENGTH;
    if (length > LONGEST_WHOLE_BODY) {
      pieces.push(
        sum([message.subarray(from, at), other.subarray(from, at)]),
        sum([keys[large]!, otherKeys[large++]!]),
      );
      from = at + length;
    }
    at += length;
  }
  return concat([...pieces, sum([message.subarray(from), other.subarray(from)])]);
}

/** The large bodies of a direction whose records have some lengths. */
function bodiesIn(message: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  let at = KEY_LENGTH;
  return lengths.flatMap((length) => {
    const body = message.subarray(at += RECORD_HEAD_LENGTH, at += length);
    return length > LONGEST_WHOLE_BODY ? [body] : [];
  });
}

/** All windows of 8 bytes of some arrays. */
function* windows(arrays: readonly Uint8Array[]): Generator<bigint> {
  for (const bytes of arrays) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 8 <= bytes.length; at++) yield view.getBigUint64(at);
  }
}

Deno.test("no sum of shares on channels but all contains eight bytes of a body, and equal bodies look different each time", async () => {
  await forSeeds(3, (random) => {
    const count = random.between(2, 4), bodies = [1500, 1025, 40].map((length) => random.bytes(length));
    const shares = sharesOf([...bodies, bodies[0]!], count), secrets = new Set(windows(bodies));
    const fragments = partsOf([...bodies, bodies[0]!], count).filter(({ name }) => name === "fragment");
    for (let subset = 1; subset < (1 << count) - 1; subset++) {
      const seen = sum(shares.filter((_, index) => subset >> index & 1));
      for (const window of windows([seen])) assert(!secrets.has(window), `channels ${subset.toString(2)}`);
    }
    const carried = fragments.flatMap(({ at, length }) => shares.map((share) => share.subarray(at, at + length)));
    const all = [...windows(carried)];
    assertEquals(new Set(all).size, all.length);
  });
});

/** Failures of a source where a key is due. */
const FAILURES: Readonly<Record<string, PadSource>> = {
  "throws": () => {
    throw new PadError("no entropy");
  },
  "gives zeros": (into) => void into.fill(0),
  "gives nothing": () => {},
  "stops short": (into) => systemPads(into.subarray(0, into.length >> 1)),
};

for (const [how, failure] of Object.entries(FAILURES)) {
  Deno.test(`a source that ${how} for a key, after good pads, lets no share be sent and no body be encrypted`, () => {
    let keys = 0;
    const pads: PadSource = (into) => into.length === KEY_DRAWN && ++keys === 2 ? failure(into) : systemPads(into);
    const message = concat([...direction([new Uint8Array(2000), new Uint8Array(3000)])]);
    let encrypted = 0;
    assertThrows(() => split(message, 3, guardedPads(pads), () => void encrypted++), PadError);
    assertEquals([encrypted, keys], [1, 2]);
  });
}

Deno.test("a key that is the pad before it again lets no share be sent", () => {
  let encrypted = 0;
  const source = guardedPads((into) => void into.fill(5)), message = concat([...direction([new Uint8Array(2000)])]);
  assertThrows(() => split(message, 2, source, () => void encrypted++), PadError, "twice");
  assertEquals(encrypted, 0);
});

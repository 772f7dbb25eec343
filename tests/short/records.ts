/** Any message of records, and its short shares as docs/PROTOCOL.md 3.9 has them, in plain code for tests of the real one. */
import { concat } from "../../src/wire/concat.ts";
import { direction } from "../records/direction.ts";
import { chacha20Slowly } from "../sharing/chacha20_slowly.ts";
import { fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";

/** A direction's message bytes, and the number of its channels. */
export interface Message {
  /** n. */
  readonly count: number;
  /** The lengths of the records' bodies. */
  readonly lengths: readonly number[];
  /** The message in chunks that end with records, or behind KEY. */
  readonly chunks: readonly Uint8Array[];
}

/** Makes a message. @param ends True for each part, KEY and records, behind which a chunk ends; the last one does anyway. */
export function messageOf(count: number, lengths: readonly number[], ends: readonly boolean[] = [], seed = 1): Message {
  const random = new Random(seed), parts = direction(lengths.map((length) => random.bytes(length)), seed);
  const chunks: Uint8Array[] = [];
  let from = 0;
  parts.forEach((_, index) => {
    if (ends[index] !== true && index < parts.length - 1) return;
    chunks.push(concat(parts.slice(from, index + 1)));
    from = index + 1;
  });
  return { count, lengths, chunks };
}

/** Lengths of bodies for n channels: most of them short, around the least that is encrypted, or around multiples of n. */
function bodyLengths(count: number, longest: number): fc.Arbitrary<number> {
  const near = fc.tuple(fc.integer({ min: 1, max: Math.floor(longest / count) - 1 }), fc.integer({ min: -1, max: 1 }));
  return fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 3, arbitrary: fc.constantFrom(1023, 1024, 1025, 1026, longest - 1, longest) },
    { weight: 3, arbitrary: near.map(([times, by]) => Math.max(1, times * count + by)) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: longest }) },
  );
}

/** Any message, in any chunks. @param longest The longest body, in bytes. */
export function messages(longest = 65_536): fc.Arbitrary<Message> {
  return fc.integer({ min: 2, max: 16 }).chain((count) =>
    fc.tuple(
      fc.array(bodyLengths(count, longest), { maxLength: 6 }),
      fc.array(fc.boolean(), { maxLength: 6 }),
      fc.nat(),
    ).map(([lengths, ends, seed]) => messageOf(count, lengths, ends, seed))
  );
}

/** The number of bytes of each channel that a record takes behind its head. */
export function bodyShare(length: number, count: number): number {
  return length <= 1024 ? length : 32 + Math.ceil(length / count);
}

/** The content of all shares of a direction together. */
export interface Joined {
  /** KEY, heads and bodies. */
  readonly message: Uint8Array;
  /** Bytes that were encrypted behind bodies. */
  readonly padding: Uint8Array;
  /** The keys of encrypted bodies. */
  readonly keys: readonly Uint8Array[];
}

/** Joins a direction's shares from its beginning on. */
export function joinSlowly(shares: readonly Uint8Array[]): Joined {
  const joined = Uint8Array.from(shares[0]!, (_, at) => shares.reduce((sum, share) => sum ^ share[at]!, 0));
  const message: Uint8Array[] = [joined.subarray(0, 48)], padding: Uint8Array[] = [], keys: Uint8Array[] = [];
  for (let at = 48; at < joined.length;) {
    const head = joined.subarray(at, at += 35), length = head[0]! * 65_536 + head[1]! * 256 + head[2]!;
    message.push(head);
    if (length <= 1024) {
      message.push(joined.subarray(at, at += length));
      continue;
    }
    const key = joined.subarray(at, at += 32), end = at + Math.ceil(length / shares.length);
    const body = chacha20Slowly(key, concat(shares.map((share) => share.subarray(at, end))));
    message.push(body.subarray(0, length));
    padding.push(body.subarray(length));
    keys.push(key);
    at = end;
  }
  return { message: concat(message), padding: concat(padding), keys };
}

/** The number of message bytes that are known once so many bytes of each channel are. */
export function knownAt({ count, lengths }: Message, place: number): number {
  if (place < 48) return place;
  let left = place - 48, known = 48;
  for (const length of lengths) {
    const share = bodyShare(length, count), head = Math.min(left, 35), body = left - head;
    known += head + (length <= 1024 ? Math.min(body, length) : body < share ? 0 : length);
    left -= Math.min(left, 35 + share);
  }
  return known;
}

/** Short shares: bytes as channels bring them, and those of bodies that were sealed and changed by a pattern. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { added, receive } from "../records/direction.ts";
import { messagePieces, partsOf, receiveShares, sharesOf, withShare } from "../short/shared.ts";
import { Random } from "../support/random/random.ts";
import { taken, type Target } from "./target.ts";

const random = new Random(1);

/** The number of channels in an input's first byte. */
function countOf(first: number): number {
  return 2 + first % 15;
}

/** Shares of one length, behind their number. */
function input(shares: readonly Uint8Array[]): Uint8Array {
  return concat([Uint8Array.of(shares.length - 2), ...shares]);
}

function sharesIn([first = 0, ...bytes]: Uint8Array): Uint8Array[] {
  const count = countOf(first), length = Math.floor(bytes.length / count);
  return Array.from(
    { length: count },
    (_, index) => Uint8Array.from(bytes.slice(index * length, (index + 1) * length)),
  );
}

/** The shares of a direction with bodies of some lengths. */
function ofLengths(lengths: readonly number[], count: number): Uint8Array[] {
  return sharesOf(lengths.map((length) => random.bytes(length)), count);
}

/**
 * The number of channels `u8`, and as many shares of one length: whatever they are and wherever they are cut, the same
 * message bytes come, no more than the channels brought, which have shares of that length again.
 */
const shares: Target = {
  name: "short shares",
  seeds: [
    ...[2, 3, 5, 16].map((count) => input(ofLengths([20, 1027, 3], count))),
    input(ofLengths([3, 16, 1], 2)),
    input(ofLengths([1500], 4).map((share) => share.subarray(0, 200))),
    input(ofLengths([65_536], 16).map((share) => share.subarray(0, 150))),
  ],
  words: [Uint8Array.of(0, 4, 1), Uint8Array.of(0, 4, 0), Uint8Array.of(1, 0, 0), Uint8Array.of(1, 0, 1)],
  longest: 3000,
  take(input) {
    const shares = sharesIn(input), { length } = shares[0]!, random = new Random(input.length);
    const before = bufferBytes();
    const pieces = [...messagePieces(shares)], message = concat(pieces);
    const cuts = Array.from({ length: random.below(20) }, () => random.below(length + 1)).sort((a, b) => a - b);
    assertEquals(concat([...messagePieces(shares, cuts)]).toHex(), message.toHex());
    assertEquals(bufferBytes().inUse, before.inUse);
    assert(message.length <= shares.length * length);
    const received = receive(pieces);
    if (received.error === undefined && received.atBoundary && message.length > 0) {
      const splitter = new ShortSplitter(shares.length, random.fill);
      const end = splitter.lengthOf(message);
      // A part of the next record's key or fragments may have come, which gives no message bytes.
      assert(end <= length, `${end} of ${length}`);
    }
    return taken(() => {
      if (received.error !== undefined) throw received.error;
    }, [WireError]) !== null;
  },
};

/** Lengths of the bodies in {@linkcode tampered}. */
const BODIES = [20, 1027, 1300, 5].map((length) => random.bytes(length));

const directions = [2, 3, 4, 16].map((count) => ({ shares: sharesOf(BODIES, count), parts: partsOf(BODIES, count) }));

/**
 * A direction `u8`, and patterns, each with a channel `u8`, an offset `u16` and its length `u8` in front: shares with the
 * patterns added must give the first bodies and no other byte.
 */
const tampered: Target = {
  name: "short shares with patterns",
  seeds: [
    Uint8Array.of(0, 0, 0, 90, 1, 1),
    Uint8Array.of(1, 0, 0, 104, 3, 0, 4, 1),
    Uint8Array.of(2, 3, 0, 150, 32, ...Array(32).fill(7)),
    Uint8Array.of(3, 15, 0, 220, 16, ...Array(16).fill(9), 14, 0, 220, 16, ...Array(16).fill(9)),
    Uint8Array.of(1, 1, 1, 200, 0),
  ],
  words: [Uint8Array.of(0, 104), Uint8Array.of(0, 139), Uint8Array.of(0, 171), Uint8Array.of(2, 1)],
  longest: 300,
  take(input) {
    const { shares, parts } = directions[(input[0] ?? 0) % directions.length]!;
    let changed: readonly Uint8Array[] = shares;
    for (let at = 1; at + 4 <= input.length;) {
      const [channel = 0, high = 0, low = 0, length = 0] = input.subarray(at);
      const pattern = input.subarray(at + 4, at + 4 + length), index = channel % shares.length;
      changed = withShare(changed, index, added(changed[index]!, high << 8 | low, pattern));
      at += 4 + length;
    }
    const { bodies, error } = receiveShares(changed);
    const wrong = parts.find((part) => isChanged(part, shares, changed));
    assertEquals(bodies.map((body) => body.toHex()), BODIES.slice(0, wrong?.record).map((body) => body.toHex()));
    if (wrong !== undefined) assertInstanceOf(error, WireError);
    return error === undefined;
  },
};

/** True if the owner of a part must notice its change: patterns on several channels may cancel each other. */
function isChanged(
  { name, at, length, record }: ReturnType<typeof partsOf>[number],
  shares: readonly Uint8Array[],
  changed: readonly Uint8Array[],
): boolean {
  if (name === "padding") return false;
  const padding = directions.find((one) => one.shares === shares)!.parts.find((part) =>
    part.name === "padding" && part.record === record
  );
  if (name !== "fragment") return sum(shares, at, length) !== sum(changed, at, length);
  return shares.some((share, index) => {
    const end = at + length - (index === shares.length - 1 ? padding?.length ?? 0 : 0);
    return share.subarray(at, end).toHex() !== changed[index]!.subarray(at, end).toHex();
  });
}

function sum(shares: readonly Uint8Array[], at: number, length: number): string {
  const bytes = new Uint8Array(length);
  for (const share of shares) for (let i = 0; i < length; i++) bytes[i]! ^= share[at + i]!;
  return bytes.toHex();
}

/** The joiner of short shares. */
export const shortTargets: readonly Target[] = [shares, tampered];

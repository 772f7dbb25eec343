/** Directions of records as short shares, and what receivers make of them. */
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { fragmentLength, isDispersed } from "../../src/short/layout.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction, receive, type Received } from "../records/direction.ts";
import { taken } from "../support/network/chunks.ts";
import { Random } from "../support/random/random.ts";

/** A part of the bytes of each channel. */
export interface Part {
  readonly name: "KEY" | "head" | "body" | "key share" | "fragment" | "padding";
  /** Number of bodies in front of it. */
  readonly record: number;
  readonly at: number;
  /** In bytes. */
  readonly length: number;
  /** Index of the only channel that has it; null if all have. */
  readonly channel: number | null;
}

/** Splits message bytes into n short shares. @param seed Determines pads and keys. */
export function split(message: Uint8Array, count: number, seed = 1): Uint8Array[] {
  const splitter = new ShortSplitter(count, new Random(seed).fill), length = splitter.lengthOf(message);
  const shares = Array.from({ length: count }, () => new Uint8Array(length));
  splitter.split(message, shares);
  return shares;
}

/** A direction's short shares. @param seed Determines all that is drawn. */
export function sharesOf(bodies: readonly Uint8Array[], count: number, seed = 1): Uint8Array[] {
  return split(concat([...direction(bodies, seed)]), count, 1000 + seed);
}

/** The parts of a direction's short shares, in their order. */
export function partsOf(bodies: readonly Uint8Array[], count: number): Part[] {
  const parts: Part[] = [];
  let at = 0;
  const add = (name: Part["name"], record: number, length: number, channel: number | null = null): void => {
    parts.push({ name, record, at, length, channel });
    at += length;
  };
  add("KEY", 0, KEY_LENGTH);
  bodies.forEach(({ length }, record) => {
    add("head", record, RECORD_HEAD_LENGTH);
    if (!isDispersed(length)) return add("body", record, length);
    const fragment = fragmentLength(length, count), padding = count * fragment - length;
    add("key share", record, CIPHER_KEY_LENGTH);
    add("fragment", record, fragment);
    if (padding > 0) parts.push({ name: "padding", record, at: at - padding, length: padding, channel: count - 1 });
  });
  return parts;
}

/**
 * Joins short shares and opens the records in them, up to the first that is not right.
 *
 * @param shares Only as much is used as all channels have.
 * @param cuts Ends of the pieces in which they come. Default: one piece.
 */
export function receiveShares(shares: readonly Uint8Array[], cuts: readonly number[] = []): Received {
  return receive(messagePieces(shares, cuts));
}

/** The message bytes that a joiner gives for shares. */
export function* messagePieces(shares: readonly Uint8Array[], cuts: readonly number[] = []): Generator<Uint8Array> {
  const pieces: Uint8Array[] = [], joiner = new ShortJoiner(shares.length, (chunk) => void pieces.push(taken(chunk)));
  const length = Math.min(...shares.map((share) => share.length));
  let at = 0;
  for (const end of [...cuts, length]) {
    joiner.join(shares.map((share) => share.slice(at, end)));
    yield* pieces.splice(0);
    at = end;
  }
  joiner.close();
}

/** Shares of which one is replaced. */
export function withShare(shares: readonly Uint8Array[], index: number, share: Uint8Array): Uint8Array[] {
  return shares.map((other, at) => at === index ? share : other);
}

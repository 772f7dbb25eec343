import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import type { Scheme } from "../sharing/scheme.ts";
import type { PadSource } from "../sharing/system_pads.ts";

/** Splits a message chunk, which it releases, into one chunk for each channel. */
export type Splitter = (message: Chunk) => readonly Chunk[];

/**
 * Splits message bytes into n shares of the same length (paper, section III-E). Releases each message chunk, unmodified, once
 * it is split. Throws what the source of pads throws; the message is then left to the garbage collector.
 *
 * @param count n.
 */
export function shareSplitter(scheme: Scheme, pads: PadSource, count: number): Splitter {
  return (message) => {
    const { bytes } = message;
    // Shares start at the same offset modulo 8 as the message, as Scheme requires.
    const start = bytes.byteOffset % 8, end = start + bytes.length;
    const shares: Uint8Array[] = [], chunks: Chunk[] = [];
    for (let index = 0; index < count; index++) {
      const buffer = takeBuffer(end), share = buffer.subarray(start, end);
      shares.push(share);
      chunks.push(new Chunk(share, () => giveBuffer(buffer)));
    }
    scheme.split(bytes, shares, pads);
    message.release();
    return chunks;
  };
}

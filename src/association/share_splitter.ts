import { bufferLength, giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import type { Scheme } from "../sharing/scheme.ts";
import type { PadSource } from "../sharing/system_pads.ts";
import { ShortSplitter } from "../short/splitter.ts";

/**
 * Splits message bytes into n shares of the same length (paper, section III-E). Releases each message chunk, unmodified, once
 * it is split.
 *
 * @param count n.
 */
export function shareSplitter(
  scheme: Scheme,
  pads: PadSource,
  count: number,
): TransformStream<Chunk, readonly Chunk[]> {
  return new TransformStream({
    transform(message, controller) {
      const { bytes } = message;
      // Shares start at the same offset modulo 8 as the message, as Scheme requires.
      const start = bytes.byteOffset % 8, end = start + bytes.length;
      const shares: Uint8Array[] = [], chunks: Chunk[] = [];
      for (let index = 0; index < count; index++) {
        const buffer = takeBuffer(end), share = buffer.subarray(start, end);
        shares.push(share);
        chunks.push(new Chunk(share, () => giveBuffer(buffer), buffer.length));
      }
      scheme.split(bytes, shares, pads);
      message.release();
      controller.enqueue(chunks);
    },
  });
}

/**
 * Splits records into n short shares (docs/PROTOCOL.md 3.9). Releases each message chunk, unmodified, once it is split.
 *
 * @param pads Source of pads and keys, guarded.
 * @param count n.
 */
export function shortShareSplitter(pads: PadSource, count: number): TransformStream<Chunk, readonly Chunk[]> {
  const splitter = new ShortSplitter(count, pads);
  return new TransformStream({
    transform(message, controller) {
      const chunks = room(count, splitter.lengthOf(message.bytes));
      splitter.split(message.bytes, chunks.map(({ bytes }) => bytes));
      message.release();
      controller.enqueue(chunks);
    },
  });
}

/** Room for n shares, at multiples of 8 bytes: in one buffer, or in a buffer for each where that takes less memory. */
function room(count: number, length: number): Chunk[] {
  const step = Math.ceil(length / 8) * 8;
  if (count * bufferLength(length) < bufferLength(count * step)) {
    return Array.from({ length: count }, () => {
      const buffer = takeBuffer(length);
      return new Chunk(buffer.subarray(0, length), () => giveBuffer(buffer), buffer.length);
    });
  }
  const buffer = takeBuffer(count * step);
  let holders = count;
  const release = (): void => {
    if (--holders === 0) giveBuffer(buffer);
  };
  return Array.from(
    { length: count },
    (_, index) => new Chunk(buffer.subarray(index * step, index * step + length), release, buffer.length / count),
  );
}

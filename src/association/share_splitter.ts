import { giveBuffer, takeBuffer } from "../net/buffer_pool.ts";
import { Chunk } from "../net/chunk.ts";
import type { Scheme } from "../sharing/scheme.ts";
import type { PadSource } from "../sharing/system_pads.ts";

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
        chunks.push(new Chunk(share, () => giveBuffer(buffer)));
      }
      scheme.split(bytes, shares, pads);
      message.release();
      controller.enqueue(chunks);
    },
  });
}

import type { Chunk } from "../net/chunk.ts";
import type { Scheme } from "../sharing/scheme.ts";

/** Joins aligned shares to message bytes, in the memory of the first share (paper, section III-E). */
export function shareJoiner(scheme: Scheme): TransformStream<readonly Chunk[], Chunk> {
  return new TransformStream({
    transform(shares, controller) {
      scheme.join(shares.map(({ bytes }) => bytes));
      for (let index = 1; index < shares.length; index++) shares[index]!.release();
      controller.enqueue(shares[0]!);
    },
  });
}

import type { Chunk } from "../net/chunk.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { ShortJoiner } from "../short/joiner.ts";

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

/** Joins aligned short shares to message bytes (docs/PROTOCOL.md 3.9). @param count n. */
export function shortShareJoiner(count: number): TransformStream<readonly Chunk[], Chunk> {
  let joiner: ShortJoiner;
  const close = (): void => joiner.close();
  return new TransformStream({
    start(controller) {
      joiner = new ShortJoiner(count, (message) => controller.enqueue(message));
    },
    transform(shares) {
      joiner.join(shares.map(({ bytes }) => bytes));
      for (const share of shares) share.release();
    },
    flush: close,
    // A channel has failed, or a record was not right: what has come of a body is of no use.
    cancel: close,
  });
}

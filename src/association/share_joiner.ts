import type { Chunk } from "../net/chunk.ts";
import type { Scheme } from "../sharing/scheme.ts";

/** Joins aligned shares to message bytes, in the memory of the first share (paper, section III-E), and releases the others. */
export function joinShares(scheme: Scheme, shares: readonly Chunk[]): Chunk {
  scheme.join(shares.map(({ bytes }) => bytes));
  for (let index = 1; index < shares.length; index++) shares[index]!.release();
  return shares[0]!;
}

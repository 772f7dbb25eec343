import type { PadSource } from "./pads.ts";

/** How many bytes at a pad's end are looked at; a shorter pad is not, for its value may well come twice. */
const TAIL_LENGTH = 16;

/** A source of pads has visibly failed: what it gave must not be used. */
export class PadError extends Error {
  /** Tells the class in a stack trace. */
  override name = "PadError";
}

/**
 * The same pads, as long as their source is not seen to fail: one that leaves a pad's end as it was, that gives nothing
 * but zeros, or that gives the same pad again. A share made with such a pad would tell the message, or its difference from
 * another. Of a good source either is true of a pad with a probability of 2^-128.
 *
 * It costs a tenth of a microsecond a pad. It does not tell whether a pad is random: nothing can.
 *
 * @param pads Where they come from.
 * @returns A source that throws what `pads` throws, and {@linkcode PadError}.
 */
export function guardedPads(pads: PadSource): PadSource {
  const last = new Uint8Array(TAIL_LENGTH);
  return (into) => {
    if (into.length < TAIL_LENGTH) return pads(into);
    const tail = into.length - TAIL_LENGTH;
    into.fill(0, tail);
    pads(into);
    let set = 0, changed = 0;
    for (let i = 0; i < TAIL_LENGTH; i++) {
      set |= into[tail + i]!;
      changed |= into[tail + i]! ^ last[i]!;
    }
    if (set === 0) throw new PadError("the source of pads did not fill a pad");
    if (changed === 0) throw new PadError("the source of pads gave a pad twice");
    for (let i = 0; i < TAIL_LENGTH; i++) last[i] = into[tail + i]!;
  };
}

const guards = new WeakMap<PadSource, PadSource>();

/** {@linkcode guardedPads}, one for all who use a source: it sees more of it, and each of them is smaller. */
export function commonGuard(pads: PadSource): PadSource {
  const guarded = guards.get(pads) ?? guardedPads(pads);
  guards.set(pads, guarded);
  return guarded;
}

/** The longest run of bytes that {@linkcode guardedRandom} gives: a key and a mask. */
const MOST_RANDOM = 32;

/**
 * Keys and masks from a source of pads, as long as that is not seen to fail. They are too short for a source to show by
 * them alone that it stopped in the middle, so 16 bytes more are asked for each time, and thrown away.
 *
 * @param pads Where they come from.
 * @returns A source of at most 32 bytes a call, that throws as {@linkcode guardedPads}; `into` is as it was then.
 */
export function guardedRandom(pads: PadSource): PadSource {
  const guarded = guardedPads(pads);
  const drawn = new Uint8Array(MOST_RANDOM + TAIL_LENGTH);
  return (into) => {
    const bytes = drawn.subarray(drawn.length - TAIL_LENGTH - into.length);
    guarded(bytes);
    into.set(bytes.subarray(0, into.length));
    bytes.fill(0);
  };
}

import { MicssError } from "../errors/errors.ts";
import type { PadSource } from "./system_pads.ts";

/** Bytes checked at either end of a pad. Shorter pads are not checked: their values may repeat by chance. */
const CHECKED = 16;

/** A pad source has visibly failed: its output must not be used. */
export class PadError extends MicssError {}

/**
 * Passes pads through until their source visibly fails: leaves the end of a pad unwritten, returns zeros, or begins a pad as
 * it began the one before, of whatever length. A share made with such a pad would reveal the message, or its difference
 * from another. A good source triggers either check with a probability of 2^-128 per pad.
 *
 * Costs a tenth of a microsecond per pad. It can't tell whether a pad is random: nothing can.
 *
 * @param pads The source to guard.
 * @returns A source that throws {@linkcode PadError}, and whatever `pads` throws.
 */
export function guardedPads(pads: PadSource): PadSource {
  const last = new Uint8Array(CHECKED);
  return (into) => {
    if (into.length < CHECKED) return pads(into);
    const tail = into.length - CHECKED;
    into.fill(0, tail);
    pads(into);
    let set = 0, changed = 0;
    for (let i = 0; i < CHECKED; i++) {
      set |= into[tail + i]!;
      changed |= into[i]! ^ last[i]!;
    }
    if (set === 0) throw new PadError("the pad source did not fill a pad");
    if (changed === 0) throw new PadError("the pad source returned a pad twice");
    for (let i = 0; i < CHECKED; i++) last[i] = into[i]!;
  };
}

const guards = new WeakMap<PadSource, PadSource>();

/** {@linkcode guardedPads}, shared by all users of a source: one guard sees all of its pads and saves memory. */
export function commonGuard(pads: PadSource): PadSource {
  const guarded = guards.get(pads) ?? guardedPads(pads);
  guards.set(pads, guarded);
  return guarded;
}

/** Bytes that {@linkcode guardedRandom} returns at most: a key and a mask. */
const MAX_RANDOM = 32;

/**
 * Keys and masks from a pad source, until it visibly fails. They are too short to show that a source stopped midway, so
 * each call draws 16 more bytes and discards them.
 *
 * @param pads The source to guard.
 * @returns A source of at most 32 bytes per call that throws like {@linkcode guardedPads}, leaving `into` unchanged.
 */
export function guardedRandom(pads: PadSource): PadSource {
  const guarded = guardedPads(pads);
  const drawn = new Uint8Array(MAX_RANDOM + CHECKED);
  return (into) => {
    const bytes = drawn.subarray(drawn.length - CHECKED - into.length);
    guarded(bytes);
    into.set(bytes.subarray(0, into.length));
    bytes.fill(0);
  };
}

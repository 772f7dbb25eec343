/** Content tampering of every kind, in every field of KEY and of every record. */
import type { Attack } from "./attack.ts";
import type { Moment } from "./lane.ts";
import { type Field, FIELDS } from "./fields.ts";
import type { Step } from "./steps.ts";

/** Parts of a unit around a field. */
interface Cut extends Moment {
  readonly before: Uint8Array;
  readonly field: Uint8Array;
  readonly behind: Uint8Array;
}

/** Returns what replaces the unit, in pieces. */
const KINDS: Readonly<Record<string, (cut: Cut) => Uint8Array[]>> = {
  "flips the first bit of": ({ before, field, behind }) => [before, flipped(field, 0, 0x80), behind],
  "flips the last bit of": ({ before, field, behind }) => [before, flipped(field, field.length - 1, 1), behind],
  "zeroes": ({ before, field, behind }) => [before, new Uint8Array(field.length), behind],
  "replaces by noise": ({ before, field, behind, adversary }) => [
    before,
    adversary.means.random.bytes(field.length),
    behind,
  ],
  "swaps what is before with": ({ before, field, behind }) => {
    const length = Math.min(before.length, field.length);
    const at = before.length - length;
    return [before.subarray(0, at), field.subarray(0, length), before.subarray(at), field.subarray(length), behind];
  },
  "inserts a byte before": ({ before, field, behind, adversary }) => [
    before,
    adversary.means.random.bytes(1),
    field,
    behind,
  ],
  "deletes a byte of": ({ before, field, behind }) => [before, field.subarray(1), behind],
  "deletes": ({ before, behind }) => [before, behind],
  "repeats": ({ before, field, behind }) => [before, field, field, behind],
  "truncates within": ({ before, field, lane }) => {
    lane.wire.adversary.later(0).then(() => lane.wire.close());
    return [before, field.subarray(0, field.length >> 1)];
  },
};

/** Copies bytes and flips bits of one. */
function flipped(bytes: Uint8Array, at: number, bits: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= bits;
  return copy;
}

/**
 * All of them in a field of a step's unit.
 *
 * @param field Its offset may count from the unit's end, below 0; what lies behind that end is none of it.
 */
export function fieldAttacks(step: Step, { name, at, length }: Field): Attack[] {
  return Object.entries(KINDS).map(([kind, change]): Attack => ({
    name: `${kind} ${name} of ${step}`,
    steps: [step],
    act: (moment) => {
      const { bytes } = moment, start = at < 0 ? bytes.length + at : at, end = Math.min(start + length, bytes.length);
      const [before, field, behind] = [bytes.slice(0, start), bytes.slice(start, end), bytes.slice(end)];
      return change({ ...moment, before, field, behind });
    },
  }));
}

/** All of them in every field. */
export const FIELD_ATTACKS: readonly Attack[] = FIELDS.flatMap(([step, field]) => fieldAttacks(step, field));

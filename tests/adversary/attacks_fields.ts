/** Content tampering of every kind, in every field of KEY and of every record. */
import type { Attack } from "./attack.ts";
import type { Moment } from "./lane.ts";
import { FIELDS } from "./fields.ts";

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

/** All of them in every field. */
export const FIELD_ATTACKS: readonly Attack[] = FIELDS.flatMap(([step, { name, at, length }]) =>
  Object.entries(KINDS).map(([kind, change]): Attack => ({
    name: `${kind} ${name} of ${step}`,
    steps: [step],
    act: (moment) => {
      const { bytes } = moment, end = at + length;
      return change({ ...moment, before: bytes.slice(0, at), field: bytes.slice(at, end), behind: bytes.slice(end) });
    },
  }))
);

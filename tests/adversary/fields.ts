/** The fields of KEY, of a record's head and of its frames (docs/RECORDS.md, docs/PROTOCOL.md 5), as offsets in a unit. */
import { ELEMENT_LENGTH, HASH_AT, KEY_LENGTH, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { FRAME_HEAD_LENGTH, frameName } from "../../src/wire/frame.ts";
import { type PlannedFrame, RECORDS, type RecordStep, SEALED, type Step } from "./steps.ts";

/** A field of a unit. */
export interface Field {
  readonly name: string;
  /** Its offset in the unit. */
  readonly at: number;
  /** In bytes. */
  readonly length: number;
}

const KEY: readonly Field[] = ["k", "rho", "the tag"].map((name, index) => ({
  name,
  at: index * ELEMENT_LENGTH,
  length: KEY_LENGTH / 3,
}));

/** The fields of a record's head. */
export const HEAD: readonly Field[] = [
  { name: "the length", at: 0, length: HASH_AT },
  { name: "the hash", at: HASH_AT, length: TAG_AT - HASH_AT },
  { name: "the tag", at: TAG_AT, length: RECORD_HEAD_LENGTH - TAG_AT },
];

/** A frame in its unit. */
export interface PlacedFrame extends PlannedFrame {
  /** Offset of its head. */
  readonly at: number;
}

/** The frames of a record, with their offsets in its unit. */
export function framesAt(step: RecordStep): PlacedFrame[] {
  let at = RECORD_HEAD_LENGTH;
  return RECORDS[step].map((frame) => {
    const placed = { ...frame, at };
    at += FRAME_HEAD_LENGTH + frame.length;
    return placed;
  });
}

function frameFields(frame: PlacedFrame): Field[] {
  const name = frameName(frame.type), { at, length } = frame;
  return [
    { name: `${name}'s type`, at, length: 1 },
    { name: `${name}'s stream`, at: at + 1, length: 4 },
    { name: `${name}'s length`, at: at + 5, length: 2 },
    ...length > 0 ? [{ name: `${name}'s body`, at: at + FRAME_HEAD_LENGTH, length }] : [],
  ];
}

/** True for a step at which a record passes. */
export function isRecord(step: Step): step is RecordStep {
  return step in RECORDS;
}

/** All fields of the units with message bytes. */
export const FIELDS: readonly (readonly [Step, Field])[] = SEALED.flatMap((step) =>
  (isRecord(step) ? [...HEAD, ...framesAt(step).flatMap(frameFields)] : KEY).map((field) => [step, field] as const)
);

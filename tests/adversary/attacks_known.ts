/** Known bytes changed into others by XOR, for which one channel suffices, and records spliced from others. */
import { ELEMENT_LENGTH, HASH_AT, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { FRAME_HEAD_LENGTH, frameName, FrameType } from "../../src/wire/frame.ts";
import type { Attack } from "./attack.ts";
import { framesAt, isRecord, type PlacedFrame } from "./fields.ts";
import { COMPANION, RECORDS, type RecordStep, SECOND, SESSION, type Step, STEPS } from "./steps.ts";

/** Bits to flip in a unit, by offset. */
export type Flips = readonly (readonly [at: number, bits: number])[];

/** Flips bits in units of some steps. */
export const flip = (name: string, flips: Partial<Record<Step, Flips>>): Attack => ({
  name,
  steps: Object.keys(flips) as Step[],
  act: ({ step, bytes }) => {
    for (const [at, bits] of flips[step]!) bytes[at]! ^= bits;
    return [bytes];
  },
});

const RECORD_STEPS = Object.keys(RECORDS) as RecordStep[];

/** The flips that change a big-endian number. */
export function number(at: number, length: number, from: number, to: number): Flips {
  return Array.from({ length }, (_, index) => [at + index, (from ^ to) >>> 8 * (length - 1 - index) & 255] as const);
}

/** Lengths to give a frame that is turned into another: its own, or so many that it swallows another head. */
function lengths({ length }: PlacedFrame): number[] {
  return [length, length + FRAME_HEAD_LENGTH];
}

/** Turns every frame into every other. */
const TYPES: Attack[] = RECORD_STEPS.flatMap((step) =>
  framesAt(step).flatMap((frame) =>
    [...Array(14).keys()].flatMap((type) =>
      lengths(frame).filter((length) => type !== frame.type || length !== frame.length).map((length) =>
        flip(
          `makes ${frameName(frame.type)} of ${step} a ${
            FrameType[type] ?? `frame of type ${type}`
          } of ${length} bytes`,
          {
            [step]: [[frame.at, frame.type ^ type], ...number(frame.at + 5, 2, frame.length, length)],
          },
        )
      )
    )
  )
);

/** Moves every frame to every other stream. */
const STREAMS: Attack[] = RECORD_STEPS.flatMap((step) =>
  framesAt(step).flatMap(({ type, stream, at }) =>
    [0, COMPANION, SESSION, SECOND, SECOND + 1, 2 ** 31].filter((other) => other !== stream).map((other) =>
      flip(`moves ${frameName(type)} of ${step} to stream ${other}`, { [step]: number(at + 1, 4, stream, other) })
    )
  )
);

/** Gives every record another length. */
const LENGTHS: Attack[] = RECORD_STEPS.flatMap((step) => {
  const frames = framesAt(step), last = frames.at(-1)!;
  const length = last.at + FRAME_HEAD_LENGTH + last.length - RECORD_HEAD_LENGTH;
  return [0, 1, length - 1, length + 1, length + RECORD_HEAD_LENGTH, 65_536, 65_537, 2 ** 24 - 1].map((other) =>
    flip(`makes ${step} a record of ${other} bytes`, { [step]: number(0, 3, length, other) })
  );
});

const PORT = RECORD_HEAD_LENGTH + FRAME_HEAD_LENGTH + 1, CODE = RECORD_HEAD_LENGTH + FRAME_HEAD_LENGTH;

/** Rewrites what OPEN asks, what RESULT answers and what DATA says. */
const CONTENTS: Attack[] = [
  flip("leads port 80 to port 443", { "OPEN": number(PORT, 2, 80, 443) }),
  flip("leads port 80 to port 22", { "OPEN": number(PORT, 2, 80, 22) }),
  flip("leads port 443 to port 80", { "second OPEN": number(PORT, 2, 443, 80) }),
  flip("makes the port an address", { "OPEN": [[PORT - 1, 1 ^ 3]] }),
  ...[1, 2, 3, 4, 5, 9].map((code) => flip(`makes the RESULT ${code}`, { "RESULT": [[CODE, code]] })),
  ...RECORD_STEPS.flatMap((step) =>
    framesAt(step).filter(({ type }) => type === FrameType.Data).map(({ at, length }) =>
      flip(`makes the DATA of ${step} another text`, {
        [step]: Array.from({ length }, (_, index) => [at + FRAME_HEAD_LENGTH + index, 0x20] as const),
      })
    )
  ),
];

/** Flips that would cancel each other if fields were checked separately, or keys were malleable. */
const PAIRS: Attack[] = (["up", "down"] as const).flatMap((direction) => {
  const key = `KEY ${direction}` as const, first = direction === "up" ? "companion's OPEN" : "companion's RESULT";
  const bits = [1, 0x80];
  const rho = ELEMENT_LENGTH, tag = 2 * ELEMENT_LENGTH;
  return bits.flatMap((bit) => [
    flip(`flips bits ${bit} of k and of KEY's tag, ${direction}`, { [key]: [[15, bit], [tag + 15, bit]] }),
    flip(`flips bits ${bit} of rho and of KEY's tag, ${direction}`, { [key]: [[rho, bit], [tag, bit]] }),
    flip(`flips bits ${bit} of k, rho and KEY's tag, ${direction}`, { [key]: [[0, bit], [rho, bit], [tag, bit]] }),
    flip(`flips bits ${bit} of rho and of the first record's body, ${direction}`, {
      [key]: [[rho, bit]],
      [first]: [[RECORD_HEAD_LENGTH, bit]],
    }),
    flip(`flips bits ${bit} of rho, the first hash and its tag, ${direction}`, {
      [key]: [[rho, bit]],
      [first]: [[HASH_AT, bit], [TAG_AT, bit]],
    }),
    flip(`flips bits ${bit} of k and of the first record's tag, ${direction}`, {
      [key]: [[15, bit]],
      [first]: [[TAG_AT + 15, bit]],
    }),
  ]);
}).concat(RECORD_STEPS.flatMap((step) => [
  flip(`flips a bit of the hash and of the tag of ${step}`, { [step]: [[HASH_AT, 1], [TAG_AT, 1]] }),
  flip(`flips a bit of the length and of the tag of ${step}`, { [step]: [[2, 1], [TAG_AT + 15, 1]] }),
  flip(`flips a bit of the hash and of the body of ${step}`, { [step]: [[HASH_AT, 1], [RECORD_HEAD_LENGTH, 1]] }),
  flip(`flips a bit of the hash, the tag and the body of ${step}`, {
    [step]: [[HASH_AT, 1], [TAG_AT, 1], [RECORD_HEAD_LENGTH, 1]],
  }),
]));

/** Splices every record with the one before it. */
const SPLICES: Attack[] = STEPS.flatMap((step, index): Attack[] => {
  const before = STEPS[index - 1]!;
  if (!isRecord(step) || !isRecord(before)) return [];
  const splice = (name: string, join: (earlier: Uint8Array, bytes: Uint8Array) => Uint8Array[]): Attack => ({
    name: `${name} ${step}`,
    steps: [step],
    act: ({ bytes, lane }) => join(lane.came.get(before)!, bytes),
  });
  const head = (bytes: Uint8Array) => bytes.subarray(0, RECORD_HEAD_LENGTH);
  const body = (bytes: Uint8Array) => bytes.subarray(RECORD_HEAD_LENGTH);
  return [
    splice("brings the record before instead of", (earlier) => [earlier]),
    splice(
      "puts the head of the record before in front of the body of",
      (earlier, bytes) => [head(earlier), body(bytes)],
    ),
    splice("puts the body of the record before behind the head of", (earlier, bytes) => [head(bytes), body(earlier)]),
    splice("adds the record before to", (earlier, bytes) => [bytes.map((byte, at) => byte ^ (earlier[at] ?? 0))]),
    splice("repeats the record before and then brings", (earlier, bytes) => [earlier, bytes]),
    splice("leaves out the end of the record before and the head of", (_, bytes) => [body(bytes)]),
  ];
});

/** All of them. */
export const KNOWN: readonly Attack[] = [...TYPES, ...STREAMS, ...LENGTHS, ...CONTENTS, ...PAIRS, ...SPLICES];

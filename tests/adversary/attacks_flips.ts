/** Bit flips in known parts of the message: XOR shares are malleable, so one channel suffices. */
import { FRAME_HEAD_LENGTH, frameName, FrameType } from "../../src/wire/frame.ts";
import { WORKERS_LENGTH } from "../../src/wire/workers.ts";
import type { Attack } from "./attack.ts";
import { SAID, type Step } from "./steps.ts";

/** The known head of a step's frame. */
const HEADS: Partial<Record<Step, readonly [type: FrameType, length: number, nextLength: number]>> = {
  "KEY up": [FrameType.Key, 0, 4],
  "OPEN": [FrameType.Open, 4, SAID.data],
  "DATA up": [FrameType.Data, SAID.data, SAID.more],
  "more DATA up": [FrameType.Data, SAID.more, 0],
  "END up": [FrameType.End, 0, 4],
  "second OPEN": [FrameType.Open, 4, SAID.second],
  "second DATA up": [FrameType.Data, SAID.second, 0],
  "KEY down": [FrameType.Key, 0, 1],
  "RESULT": [FrameType.Result, 1, SAID.answer],
  "DATA down": [FrameType.Data, SAID.answer, SAID.rest],
  "more DATA down": [FrameType.Data, SAID.rest, 0],
  "END down": [FrameType.End, 0, 1],
  "second RESULT": [FrameType.Result, 1, SAID.reply],
};

/** Lengths to give a frame that is turned into another. */
function lengths(type: FrameType, now: number, next: number): number[] {
  const absorbing = now + FRAME_HEAD_LENGTH + next;
  switch (type) {
    case FrameType.Data:
      return [...new Set([Math.max(1, now), now + FRAME_HEAD_LENGTH, absorbing])];
    case FrameType.Open:
      return [...new Set([Math.max(4, now), absorbing])];
    case FrameType.Result:
      return [Math.max(1, now), absorbing];
    case FrameType.Reset:
      return [1];
    case FrameType.Workers:
      return [WORKERS_LENGTH];
    case FrameType.Ping:
    case FrameType.Pong:
      return [Math.min(8, now)];
    default:
      return [0];
  }
}

/** Turns every frame into every other. */
const TYPES: Attack[] = Object.entries(HEADS).flatMap(([step, [type, length, next]]) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((other: FrameType) =>
    lengths(other, length, next).filter((one) => other !== type || one !== length).map((one): Attack => ({
      name: `makes ${step} a ${frameName(other)} of ${one} bytes`,
      steps: [step as Step],
      act: ({ bytes }) => {
        bytes[0]! ^= type ^ other;
        bytes[2]! ^= (length ^ one) >> 8;
        bytes[3]! ^= length ^ one;
        return [bytes];
      },
    }))
  )
);

/** Flips in place: steps, offsets and bits. */
const PLACES: Attack[] = ([
  ["leads port 80 to port 443", { "OPEN": [[FRAME_HEAD_LENGTH + 1, 1], [FRAME_HEAD_LENGTH + 2, 80 ^ 443 & 255]] }],
  ["leads port 80 to port 22", { "OPEN": [[FRAME_HEAD_LENGTH + 2, 80 ^ 22]] }],
  ["leads port 443 to port 80", {
    "second OPEN": [[FRAME_HEAD_LENGTH + 1, 1], [FRAME_HEAD_LENGTH + 2, 80 ^ 443 & 255]],
  }],
  ["makes the port an address", { "OPEN": [[FRAME_HEAD_LENGTH, 1 ^ 3]] }],
  ["flips the port and the tag", { "OPEN": [[FRAME_HEAD_LENGTH + 2, 80 ^ 22], [35, 80 ^ 22]] }],
  ["flips the key", { "KEY up": [[4, 1]], "KEY down": [[4, 1]] }],
  ["flips the mask", { "KEY up": [[20, 1]], "KEY down": [[20, 1]] }],
  ["flips the mask and the tag under it", { "KEY up": [[20, 1]], "OPEN": [[20, 1]] }],
  ["flips the mask, the tag under it, and the port", {
    "KEY up": [[20, 1]],
    "OPEN": [[20, 1], [FRAME_HEAD_LENGTH + 2, 80 ^ 22]],
  }],
  ["flips the next mask and the tag under it", { "OPEN": [[4, 1]], "DATA up": [[20, 1]] }],
  ["makes DATA a byte longer", { "DATA up": [[3, 40 ^ 41]] }],
  ["makes DATA a byte shorter", { "DATA up": [[3, 40 ^ 39]] }],
  ["makes DATA 256 bytes longer", { "DATA up": [[2, 1]], "DATA down": [[2, 1]] }],
  ["flips what DATA carries", { "DATA up": [[FRAME_HEAD_LENGTH + 5, 32]], "DATA down": [[FRAME_HEAD_LENGTH, 1]] }],
  ...[1, 2, 3, 4, 5, 9].map((code) => [`makes the RESULT ${code}`, { "RESULT": [[FRAME_HEAD_LENGTH, code]] }]),
] as [string, Partial<Record<Step, [number, number][]>>][]).map(([name, flips]): Attack => ({
  name,
  steps: Object.keys(flips) as Step[],
  act: ({ step, bytes }) => {
    for (const [at, bits] of flips[step]!) bytes[at]! ^= bits;
    return [bytes];
  },
  ...name === "flips what DATA carries" && { harmless: true },
}));

/** All flips. */
export const FLIPS: readonly Attack[] = [...TYPES, ...PLACES];

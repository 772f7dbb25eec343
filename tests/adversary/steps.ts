/** The units on a channel in the scenario that every attack is tried on (docs/PROTOCOL.md 2 to 5, docs/RECORDS.md). */
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { associateLength } from "../../src/wire/associate.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";

/** Lengths of the pieces that applications and targets send, in bytes. */
export const SAID = { echo: 16, data: 40, more: 24, answer: 30, rest: 20, second: 32, reply: 28 } as const;

/** The streams of the scenario: the companion's, which is open throughout, and those of the two sessions. */
export const COMPANION = 1, SESSION = 2, SECOND = 3;

/** A frame of the scenario. */
export interface PlannedFrame {
  readonly type: FrameType;
  readonly stream: number;
  /** Length of the body in bytes. */
  readonly length: number;
}

const { Open, Result, Data, End, Ping, Pong } = FrameType;
const frame = (type: FrameType, stream = 0, length = 0): PlannedFrame => ({ type, stream, length });

/** The client's records and their frames. */
const UP = {
  "companion's OPEN": [frame(Open, COMPANION, 4), frame(Data, COMPANION, SAID.echo)],
  "OPEN": [frame(Open, SESSION, 4), frame(Data, SESSION, SAID.data)],
  "more DATA up": [frame(Data, SESSION, SAID.more)],
  "END up": [frame(End, SESSION)],
  "companion's DATA up": [frame(Data, COMPANION, SAID.echo)],
  "second OPEN": [frame(Open, SECOND, 4), frame(Data, SECOND, SAID.second)],
  "second END up": [frame(End, SECOND)],
  "PING up": [frame(Ping)],
  "PONG up": [frame(Pong)],
  "companion's END up": [frame(End, COMPANION)],
};

/** The server's records. */
const DOWN = {
  "companion's RESULT": [frame(Result, COMPANION, 1), frame(Data, COMPANION, SAID.echo)],
  "RESULT": [frame(Result, SESSION, 1)],
  "DATA down": [frame(Data, SESSION, SAID.answer)],
  "more DATA down": [frame(Data, SESSION, SAID.rest)],
  "END down": [frame(End, SESSION)],
  "companion's DATA down": [frame(Data, COMPANION, SAID.echo)],
  "second RESULT": [frame(Result, SECOND, 1), frame(Data, SECOND, SAID.reply)],
  "second END down": [frame(End, SECOND)],
  "PING down": [frame(Ping)],
  "PONG down": [frame(Pong)],
  "companion's END down": [frame(End, COMPANION)],
};

/** A step at which a record passes. */
export type RecordStep = keyof typeof UP | keyof typeof DOWN;

/** Length in bytes of the client's shares up to its first OPEN's record. */
export const FIRST_OPEN = KEY_LENGTH + recordLength(UP["companion's OPEN"]);

/** Every record's frames. */
export const RECORDS: Readonly<Record<RecordStep, readonly PlannedFrame[]>> = { ...UP, ...DOWN };

/** A message of the handshake, KEY or a record's share; or the moment between the two sessions, when the channel is idle. */
export type Step = RecordStep | "greeting" | "list" | "echo" | "KEY up" | "KEY down" | "connect" | "idle";

/** One unit of a direction. */
export interface Unit {
  readonly step: Step;
  /** In bytes. */
  readonly length: number;
}

/**
 * All units of one direction, in their order.
 *
 * @param shared False without the companion: each association has one session.
 */
export function units(direction: "up" | "down", channels: number, shared = true): Unit[] {
  const records = Object.entries(direction === "up" ? UP : DOWN)
    .filter(([step]) => shared || !step.startsWith("companion"))
    .map(([step, frames]) => ({ step: step as Step, length: recordLength(frames) }));
  const list = associateLength(channels);
  return direction === "up" ? [{ step: "list", length: list }, { step: "KEY up", length: KEY_LENGTH }, ...records] : [
    { step: "greeting", length: GREETING_LENGTH },
    { step: "echo", length: list },
    { step: "KEY down", length: KEY_LENGTH },
    ...records,
  ];
}

function recordLength(frames: readonly PlannedFrame[]): number {
  return frames.reduce((sum, { length }) => sum + FRAME_HEAD_LENGTH + length, RECORD_HEAD_LENGTH);
}

/** The steps with a unit to act on. */
export const STEPS: readonly Step[] = [...units("up", 2), ...units("down", 2)].map(({ step }) => step);

/** The steps with message bytes: KEY and records. */
export const SEALED: readonly Step[] = STEPS.filter((step) => !["greeting", "list", "echo"].includes(step));

/** Offset of a direction's shares on a channel, in bytes. */
export function sharesBegin(direction: "up" | "down", channels: number): number {
  return associateLength(channels) + (direction === "down" ? GREETING_LENGTH : 0);
}

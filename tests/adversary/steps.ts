/** The units on a channel in the scenario that every attack is tried on (docs/PROTOCOL.md 2 to 5, docs/RECORDS.md). */
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { shareLength } from "../../src/short/layout.ts";
import { associateLength } from "../../src/wire/associate.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";

/** Lengths of the pieces that applications and targets send, in bytes. */
export const SAID = { echo: 16, data: 40, more: 24, answer: 30, rest: 20, second: 32, reply: 28 } as const;

/** Lengths of those pieces. */
export type Said = Readonly<Record<keyof typeof SAID, number>>;

/**
 * The same where shares are short. A first piece fills the buffer that it is read into, so that the one behind it is read at
 * once, and has a record that is longer than what is shared byte by byte.
 */
export const SAID_SHORT: Said = { ...SAID, data: 512, more: 1099, answer: 512, rest: 1302 };

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
const up = (said: Said) => ({
  "companion's OPEN": [frame(Open, COMPANION, 4), frame(Data, COMPANION, said.echo)],
  "OPEN": [frame(Open, SESSION, 4), frame(Data, SESSION, said.data)],
  "more DATA up": [frame(Data, SESSION, said.more)],
  "END up": [frame(End, SESSION)],
  "companion's DATA up": [frame(Data, COMPANION, said.echo)],
  "second OPEN": [frame(Open, SECOND, 4), frame(Data, SECOND, said.second)],
  "second END up": [frame(End, SECOND)],
  "PING up": [frame(Ping)],
  "PONG up": [frame(Pong)],
  "companion's END up": [frame(End, COMPANION)],
});

/** The server's records. */
const down = (said: Said) => ({
  "companion's RESULT": [frame(Result, COMPANION, 1), frame(Data, COMPANION, said.echo)],
  "RESULT": [frame(Result, SESSION, 1)],
  "DATA down": [frame(Data, SESSION, said.answer)],
  "more DATA down": [frame(Data, SESSION, said.rest)],
  "END down": [frame(End, SESSION)],
  "companion's DATA down": [frame(Data, COMPANION, said.echo)],
  "second RESULT": [frame(Result, SECOND, 1), frame(Data, SECOND, said.reply)],
  "second END down": [frame(End, SECOND)],
  "PING down": [frame(Ping)],
  "PONG down": [frame(Pong)],
  "companion's END down": [frame(End, COMPANION)],
});

/** A step at which a record passes. */
export type RecordStep = keyof ReturnType<typeof up> | keyof ReturnType<typeof down>;

/** Length in bytes of the client's shares up to its first OPEN's record. */
export const FIRST_OPEN = KEY_LENGTH + RECORD_HEAD_LENGTH + bodyLength(up(SAID)["companion's OPEN"]);

/** Every record's frames, where shares are as long as what they share. */
export const RECORDS: Readonly<Record<RecordStep, readonly PlannedFrame[]>> = { ...up(SAID), ...down(SAID) };

/** The steps whose records are dispersed where shares are short. */
export const LARGE: readonly RecordStep[] = ["more DATA up", "more DATA down"];

/** A message of the handshake, KEY or a record's share; or the moment between the two sessions, when the channel is idle. */
export type Step = RecordStep | "greeting" | "list" | "echo" | "KEY up" | "KEY down" | "connect" | "idle";

/** One unit of a direction. */
export interface Unit {
  readonly step: Step;
  /** In bytes. */
  readonly length: number;
}

/** Properties of a scenario that determine its units. */
export interface Plan {
  readonly channels: number;
  /** False without the companion: each association has one session. Default: true. */
  readonly shared?: boolean;
  /** Default: false. */
  readonly short?: boolean;
}

/** All units of one direction, in their order. */
export function units(direction: "up" | "down", { channels, shared = true, short = false }: Plan): Unit[] {
  const records = Object.entries((direction === "up" ? up : down)(short ? SAID_SHORT : SAID))
    .filter(([step]) => shared || !step.startsWith("companion"))
    .map(([step, frames]) => {
      const body = bodyLength(frames), length = short ? shareLength(body, channels) : RECORD_HEAD_LENGTH + body;
      return { step: step as Step, length };
    });
  const list = associateLength(channels);
  return direction === "up" ? [{ step: "list", length: list }, { step: "KEY up", length: KEY_LENGTH }, ...records] : [
    { step: "greeting", length: GREETING_LENGTH },
    { step: "echo", length: list },
    { step: "KEY down", length: KEY_LENGTH },
    ...records,
  ];
}

function bodyLength(frames: readonly PlannedFrame[]): number {
  return frames.reduce((sum, { length }) => sum + FRAME_HEAD_LENGTH + length, 0);
}

/** The steps with a unit to act on. */
export const STEPS: readonly Step[] = [...units("up", { channels: 2 }), ...units("down", { channels: 2 })].map((
  { step },
) => step);

/** The steps with message bytes: KEY and records. */
export const SEALED: readonly Step[] = STEPS.filter((step) => !["greeting", "list", "echo"].includes(step));

/** Offset of a direction's shares on a channel, in bytes. */
export function sharesBegin(direction: "up" | "down", channels: number): number {
  return associateLength(channels) + (direction === "down" ? GREETING_LENGTH : 0);
}

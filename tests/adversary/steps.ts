/** The units on a channel in the scenario that every attack is tried on (docs/PROTOCOL.md 2, 4, 5). */
import { FRAME_HEAD_LENGTH } from "../../src/wire/frame.ts";
import { associateLength } from "../../src/wire/associate.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";

/** Lengths of the pieces that applications and targets send, in bytes. */
export const SAID = { data: 40, more: 24, answer: 30, rest: 20, second: 32, reply: 28 } as const;

const OPEN_BODY = 4, RESULT_BODY = 1;

/** The client's units and their lengths for n channels, in bytes. */
const UP = {
  "list": associateLength,
  "KEY up": () => FRAME_HEAD_LENGTH,
  "OPEN": () => FRAME_HEAD_LENGTH + OPEN_BODY,
  "DATA up": () => FRAME_HEAD_LENGTH + SAID.data,
  "more DATA up": () => FRAME_HEAD_LENGTH + SAID.more,
  "END up": () => FRAME_HEAD_LENGTH,
  "second OPEN": () => FRAME_HEAD_LENGTH + OPEN_BODY,
  "second DATA up": () => FRAME_HEAD_LENGTH + SAID.second,
  "second END up": () => FRAME_HEAD_LENGTH,
};

/** The server's units. */
const DOWN = {
  "greeting": () => GREETING_LENGTH,
  "echo": associateLength,
  "KEY down": () => FRAME_HEAD_LENGTH,
  "RESULT": () => FRAME_HEAD_LENGTH + RESULT_BODY,
  "DATA down": () => FRAME_HEAD_LENGTH + SAID.answer,
  "more DATA down": () => FRAME_HEAD_LENGTH + SAID.rest,
  "END down": () => FRAME_HEAD_LENGTH,
  "second RESULT": () => FRAME_HEAD_LENGTH + RESULT_BODY,
  "second DATA down": () => FRAME_HEAD_LENGTH + SAID.reply,
  "second END down": () => FRAME_HEAD_LENGTH,
};

/** A message of the handshake or a frame's share; or the moment between the two sessions, when the channel is idle. */
export type Step = keyof typeof UP | keyof typeof DOWN | "connect" | "idle";

/** One unit of a direction. */
export interface Unit {
  readonly step: Step;
  /** In bytes. */
  readonly length: number;
}

/** All units of one direction, in their order. */
export function units(direction: "up" | "down", channels: number): Unit[] {
  const plan: Record<string, (channels: number) => number> = direction === "up" ? UP : DOWN;
  return Object.entries(plan).map(([step, length]) => ({ step: step as Step, length: length(channels) }));
}

/** The steps with a unit to act on. */
export const STEPS: readonly Step[] = [...Object.keys(UP), ...Object.keys(DOWN)] as Step[];

/** The steps of the handshake. */
export const HANDSHAKE: readonly Step[] = ["greeting", "list", "echo"];

/** Offset of a direction's shares on a channel, in bytes. */
export function sharesBegin(direction: "up" | "down", channels: number): number {
  return associateLength(channels) + (direction === "down" ? GREETING_LENGTH : 0);
}

/** Phases at which a fault may occur. */
import type { Gate } from "./faulty_path.ts";

/** A session's phases in order, and the time between two sessions of one association. */
export const PHASES = [
  "connecting",
  "greeting",
  "half associated",
  "OPEN sent",
  "streaming",
  "half-closed",
  "replied",
  "between sessions",
] as const;

/** One of {@linkcode PHASES}. */
export type Phase = typeof PHASES[number];

const GREETING = 22, LIST = 52;

/** Gates on the faulty channel's new path, each halfway through the phase's message. */
export const GATES: Partial<Record<Phase, Gate>> = {
  greeting: { direction: "toClient", at: GREETING / 2 },
  "half associated": { direction: "toServer", at: LIST / 2 },
};

/** Gates on its path that has carried a session before, from there on. */
export const LATER_GATES: Partial<Record<Phase, Gate>> = {
  streaming: { direction: "toServer", at: 700 },
  "half-closed": { direction: "toClient", at: 700 },
};

/** Phases of a session on an association that has carried another one: only then are broken channels joined again. */
export const LATER: readonly Phase[] = ["OPEN sent", "streaming", "half-closed", "replied", "between sessions"];

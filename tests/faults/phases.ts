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

/** Gates on the faulty channel's path, each halfway through the phase's message. */
export const GATES: Partial<Record<Phase, Gate>> = {
  greeting: { direction: "toClient", at: GREETING / 2 },
  "half associated": { direction: "toServer", at: LIST / 2 },
  streaming: { direction: "toServer", at: LIST + 700 },
  "half-closed": { direction: "toClient", at: GREETING + LIST + 700 },
};

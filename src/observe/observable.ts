import type { Activity } from "./activity.ts";

/** How many of something there may be. */
export interface Limit {
  /** What it is of, in one word. */
  readonly name: string;
  /** The most. */
  readonly value: number;
  /** How many there are. */
  readonly used: number;
}

/** What only a handler itself can say of its state. */
export interface Levels {
  /** Connections that are in no association yet; on a server. */
  readonly waiting?: number;
  /** Associations by what they are there for; on a client. */
  readonly pool?: {
    /** Those that wait for a session. */
    readonly idle: number;
    /** Those that serve one. */
    readonly busy: number;
    /** Those that are being made ahead of demand. */
    readonly warming: number;
  };
  /** Whether the system's rules lead applications' connections here; on a client that can tell. */
  readonly rules?: boolean;
  /** The limits in force. */
  readonly limits: readonly Limit[];
}

/** A handler, as who looks at it sees it. */
export interface Observable {
  /** Which one it is. */
  readonly role: "server" | "client";
  /** What it is doing and has done. */
  readonly activity: Activity;
  /** The state that it is in. */
  levels(): Levels;
}

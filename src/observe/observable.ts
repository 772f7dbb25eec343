import type { Activity } from "./activity.ts";

/** A limit in force and its use. */
export interface Limit {
  /** Its name, in one word. */
  readonly name: string;
  /** Maximum. */
  readonly value: number;
  /** Current count. */
  readonly used: number;
}

/** A handler's current state, beyond its {@linkcode Activity}. */
export interface Levels {
  /** Connections waiting for the rest of their association; on a server. */
  readonly waiting?: number;
  /** Associations by state; on a client. */
  readonly pool?: {
    /** Without a stream. */
    readonly idle: number;
    /** With streams. */
    readonly busy: number;
    /** Being made ahead of demand. */
    readonly warming: number;
  };
  /** True if firewall rules redirect applications' connections here; on a client that can tell. */
  readonly rules?: boolean;
  /** The limits in force. */
  readonly limits: readonly Limit[];
}

/** A handler, seen from outside. */
export interface Observable {
  /** Its role. */
  readonly role: "server" | "client";
  /** Its sessions, associations and counters. */
  readonly activity: Activity;
  /** Its current state. */
  levels(): Levels;
}

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

/** The routes of one channel. */
export interface ChannelRoutes {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** Its number, from 1. */
  readonly channel: number;
  /** True if they keep it on its own link. */
  readonly kept: boolean;
  /** The reason why they don't. */
  readonly reason?: string;
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
  /** Routes of the channels that have a way on a client, or that had routes of their own on a server. */
  readonly routes?: readonly ChannelRoutes[];
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

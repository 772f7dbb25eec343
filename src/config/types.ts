import type { Address } from "../net/address.ts";
import type { LogFormat, LogLevel } from "../observe/log.ts";

/** What a handler writes about its work, and how. */
export interface LogConfig {
  /** Lines below it are dropped. */
  readonly level: LogLevel;
  /** Lines for people, or one JSON object a line. */
  readonly format: LogFormat;
}

/** How long a handler waits for what; all in milliseconds, at least 1. */
export interface Timeouts {
  /** From the first connection attempt, or the accept, until the channel is associated. */
  readonly handshake: number;
  /** Until a connection to a target is made. */
  readonly connect: number;
  /** How long the client handler keeps an unused association; the server handler keeps it twice as long. */
  readonly idle: number;
  /** How long SIGTERM lets sessions finish. */
  readonly drain: number;
}

/** Where sessions for a port go. */
export interface Target {
  /** The port that the application asked for; "*" is every port that no other target names. */
  readonly port: number | "*";
  /** The host that the server handler connects to, as in {@linkcode Address}. */
  readonly host: string;
  /** The port that it connects to; "same" is the port that the application asked for. */
  readonly toPort: number | "same";
}

/** All that `micss server` needs to know. */
export interface ServerConfig {
  /** Where channels arrive: 2 to 16 addresses, none twice. */
  readonly channels: readonly Address[];
  /** At least one, no port twice. */
  readonly targets: readonly Target[];
  /** Whether the channels of one association must arrive at different local addresses; off only for tests. */
  readonly distinctAddresses: boolean;
  /** How long it waits for what. */
  readonly timeouts: Timeouts;
  /** What it writes, and how. */
  readonly log: LogConfig;
}

/** A server handler that the client handler knows. */
export interface Server {
  /** What forwards and log lines call it; matches {@linkcode SERVER_NAME}. */
  readonly name: string;
  /** Its channels: 2 to 16 addresses, each with a host of its own. */
  readonly channels: readonly Address[];
  /** The ports it serves to redirected connections; every port where left out. */
  readonly ports?: readonly number[];
}

/** A fixed way in: whoever connects to `listen` talks to `port` behind `server`. */
export interface Forward {
  /** Where the client handler listens. */
  readonly listen: Address;
  /** The name of a {@linkcode Server}. */
  readonly server: string;
  /** The port that the server handler is asked for, 1 to 65,535. */
  readonly port: number;
}

/** All that `micss client` needs to know. */
export interface ClientConfig {
  /** At least one, no name twice. */
  readonly servers: readonly Server[];
  /** Fixed ways in; at least one of these and `redirects` is not empty. */
  readonly forwards: readonly Forward[];
  /** Where the system's REDIRECT rules send applications' connections. */
  readonly redirects: readonly Address[];
  /** How long it waits for what. */
  readonly timeouts: Timeouts;
  /** What it writes, and how. */
  readonly log: LogConfig;
}

/** The fewest channels of an association: with one there would be nothing to share. */
export const MIN_CHANNELS = 2;

/** The most channels of an association (docs/PROTOCOL.md). */
export const MAX_CHANNELS = 16;

/** What a server may be called. */
export const SERVER_NAME = /^[a-z0-9][a-z0-9.-]*$/i;

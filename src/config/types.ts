import type { Address } from "../net/address.ts";
import type { LogFormat, LogThreshold } from "../log/log.ts";
import type { PadChoice } from "../sharing/pads.ts";
import type { AdminAddress } from "./admin.ts";
import type { ClientRules, ServerRules } from "./rules.ts";
import type { KeyScope } from "./scope.ts";

/** What a handler writes about its work, and how. */
export interface LogConfig {
  /** Lines below it are dropped. */
  readonly level: LogThreshold;
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
  /** A session's association that sent nothing for so long sends PING. */
  readonly ping: number;
  /** A channel that is waited for and gives nothing for so long is dead; more than twice `ping`. */
  readonly silence: number;
  /** When an application or target that is silent is probed, and how long it then may take to answer. */
  readonly keepalive: number;
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
  /** Whether each connection begins with a PROXY header (version 2) that says where the application connects from. */
  readonly proxy?: true;
}

/** How much a server handler takes; what is left out is derived from how many files it may have open. */
export interface ServerLimits {
  /** Connections that are in no association yet, in all. */
  readonly waiting?: number;
  /** The same from one source: an IPv4 address, or a network of 64 bits. */
  readonly waitingPerSource?: number;
  /** Associations, and so sessions. */
  readonly associations?: number;
  /** Connections from one source in a second, after a burst of ten seconds' worth; 0 is any number. */
  readonly acceptRate?: number;
}

/** How much a client handler takes; what is left out is derived from how many files it may have open. */
export interface ClientLimits {
  /** Sessions at once. */
  readonly sessions?: number;
}

/** All that `micss server` needs to know. */
export interface ServerConfig {
  /** Where channels arrive: 2 to 16 addresses, none twice. */
  readonly channels: readonly Address[];
  /** At least one, no port twice. */
  readonly targets: readonly Target[];
  /**
   * Whether the channels of one association must arrive at different local addresses; off where a balancer leads channels of
   * different public addresses to one local address.
   */
  readonly distinctAddresses: boolean;
  /** The files of the keys by which it tells clients its channels; it tells nobody without. */
  readonly keys: readonly string[];
  /** Where clients reach the channels, in their order; empty where they are reached where they are. */
  readonly announce: readonly Address[];
  /** How long clients may rely on what they were told, in milliseconds. */
  readonly announceFor: number;
  /** What `micss rules` is told; for the handler only where its file has it. */
  readonly rules?: ServerRules;
  /** How many event loops take associations: number k, from 0, listens k ports above each of the channels. */
  readonly workers: number;
  /** Where pads come from. */
  readonly pads: PadChoice;
  /** How much it takes. */
  readonly limits: ServerLimits;
  /** How long it waits for what. */
  readonly timeouts: Timeouts;
  /** Where it can be looked at; nowhere where left out. */
  readonly admin?: AdminAddress;
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
  /** The name of a {@linkcode Server}, or the address or name of one whose channels are learned. */
  readonly server: string;
  /** The port that the server handler is asked for, 1 to 65,535. */
  readonly port: number;
}

/** All that `micss client` needs to know. */
export interface ClientConfig {
  /** No name twice; at least one, or a key. */
  readonly servers: readonly Server[];
  /** By which keys to ask servers that are not among these for their channels. */
  readonly keys: readonly ClientKey[];
  /** What becomes of a connection to where no server is known. */
  readonly unknown: Unknown;
  /** The file where learned channels are kept; the usual one where left out. */
  readonly database?: string;
  /** Fixed ways in; at least one of the ways in is not empty. */
  readonly forwards: readonly Forward[];
  /** Where the system's REDIRECT rules send applications' connections. */
  readonly redirects: readonly Address[];
  /** Where the system's TPROXY rules send applications' connections. */
  readonly tproxies: readonly Address[];
  /** Where applications speak SOCKS5. */
  readonly socks5: readonly Address[];
  /** The file that says who may; everybody where left out. */
  readonly socks5Users?: string;
  /** Where applications speak HTTP's CONNECT. */
  readonly httpConnects: readonly Address[];
  /** The file that says who may; everybody where left out. */
  readonly httpConnectUsers?: string;
  /** Whether server handlers are told where applications connect from. */
  readonly sendSource: boolean;
  /** What `micss rules` is told; for the handler only where its file has it, and then such rules have to be in place. */
  readonly rules?: ClientRules;
  /** How many associations to keep ready for further sessions, for each server in use. */
  readonly warm: number;
  /** How many event loops take applications' connections, each some of them. */
  readonly workers: number;
  /** Where pads come from. */
  readonly pads: PadChoice;
  /** How much it takes. */
  readonly limits: ClientLimits;
  /** How long it waits for what. */
  readonly timeouts: Timeouts;
  /** Where it can be looked at; nowhere where left out. */
  readonly admin?: AdminAddress;
  /** What it writes, and how. */
  readonly log: LogConfig;
}
/** A key of a client handler's, and which server handlers it is for. */

export interface ClientKey {
  /** Which server handlers. */
  readonly scope: KeyScope;
  /** The path of the key's file. */
  readonly file: string;
}
/** What becomes of a connection to an address that no server handler is known at. */

export type Unknown = "reject" | "direct";

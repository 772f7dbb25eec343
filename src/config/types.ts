import type { Address, ChannelAddress } from "../net/address.ts";
import type { LogFormat, LogThreshold } from "../log/log.ts";
import type { PadChoice } from "../sharing/pads.ts";
import type { AdminAddress } from "./admin.ts";
import type { Shares } from "../association/association_options.ts";
import type { Padding } from "../streams/multiplexer_options.ts";
import type { ClientsChoice } from "./clients.ts";
import type { ClientRules, ServerRules } from "./rules.ts";
import type { KeyScope } from "./scope.ts";

/** Log settings. */
export interface LogConfig {
  /** Minimum level; lines below it are dropped. */
  readonly level: LogThreshold;
  /** Text for people, or one JSON object per line. */
  readonly format: LogFormat;
}

/** Timeouts, in milliseconds, at least 1. */
export interface Timeouts {
  /** Limit from a channel's first connection attempt, or its accept, until it is associated. */
  readonly handshake: number;
  /** Limit for connecting to a target. */
  readonly connect: number;
  /** Time that the client handler keeps an association without a session; the server handler keeps it twice as long. */
  readonly idle: number;
  /** Time after which an association that has sent nothing sends PING. */
  readonly ping: number;
  /** Time after which an association with a silent channel is aborted; more than twice `ping`. */
  readonly silence: number;
  /** Time that a broken channel has to be joined again; 0 if it ends its association at once. */
  readonly rejoin: number;
  /** Idle time after which an application or target is probed, and the limit for its reply. */
  readonly keepalive: number;
  /** Time that the client handler keeps a flow of datagrams in which there are none; the server handler keeps it twice as long. */
  readonly flow: number;
  /** Time that SIGTERM gives sessions to finish. */
  readonly drain: number;
}

/** Destination of the sessions for a port. */
export interface Target {
  /** Requested port; "*" stands for every port without a target of its own. */
  readonly port: number | "*";
  /** Host to connect to, as in {@linkcode Address}. */
  readonly host: string;
  /** Port to connect to; "same" stands for the requested port. */
  readonly toPort: number | "same";
  /** Begins each connection with a PROXY header (version 2), which has the application's source address. */
  readonly proxy?: true;
}

/** Limits of both handlers. */
export interface StreamLimits {
  /** Maximum number of bytes that a stream may have on its way to an application or target: 65,536 to 16,777,216. */
  readonly credit: number;
}

/** Limits of a server handler; those without a value follow from the limit on open files. */
export interface ServerLimits extends StreamLimits {
  /** Maximum number of connections not associated yet. */
  readonly waiting?: number;
  /** The same per source: an IPv4 address, or an IPv6 /64 network. */
  readonly waitingPerSource?: number;
  /** Maximum number of associations, with or without sessions. */
  readonly associations?: number;
  /** Maximum number of concurrent sessions, of all clients. */
  readonly sessions?: number;
  /** The same per source, as for `waitingPerSource`. Default: as many as `sessions`. */
  readonly sessionsPerSource?: number;
  /** The same per client that has proved its identity. Default: as many as `sessions`. */
  readonly sessionsPerClient?: number;
  /** Maximum number of open streams of an association: 128 to 65,536. */
  readonly streams: number;
  /** Maximum connections per second from one source, after a burst of ten times as many; 0: no limit. */
  readonly acceptRate?: number;
}

/** Limits of a client handler; those without a value follow from the limit on open files. */
export interface ClientLimits extends StreamLimits {
  /** Maximum number of concurrent sessions and direct connections. */
  readonly sessions?: number;
}

/** Configuration of `micss server`. */
export interface ServerConfig {
  /** Addresses to listen at for channels: 2 to 16, no duplicates. */
  readonly channels: readonly Address[];
  /** At least one, or one of `udpTargets`; no port has two. */
  readonly targets: readonly Target[];
  /** The same for flows of datagrams; none has a PROXY header. May be empty. */
  readonly udpTargets: readonly Target[];
  /**
   * Requires the channels of an association to arrive at different local addresses. False where a load balancer leads
   * several public addresses to one local address.
   */
  readonly distinctAddresses: boolean;
  /** Key files that prove the server's identity, and for identification requests; empty to do neither. */
  readonly keys: readonly string[];
  /** Clients that may connect. Default: all who reach the channels. */
  readonly clients?: ClientsChoice;
  /** Public addresses of the channels, in the same order; empty if they are the local ones. */
  readonly announce: readonly Address[];
  /** Time that clients may use announced channels before asking again, in milliseconds. */
  readonly announceFor: number;
  /** Directory with the server's key, clients and open invitations. Default: depends on the user; used if it has clients. */
  readonly state?: string;
  /** Settings of `micss rules`; undefined for a handler whose file has none. */
  readonly rules?: ServerRules;
  /** Number of event loops; number k, from 0, listens k ports above each channel's port. */
  readonly workers: number;
  /** Source of pads. */
  readonly pads: PadChoice;
  /** Measures against an observer of sizes and times. */
  readonly padding: Padding;
  /** Number of channels that suffice. Default: all are needed. */
  readonly threshold?: number;
  /** Limits. */
  readonly limits: ServerLimits;
  /** Timeouts. */
  readonly timeouts: Timeouts;
  /** Address of the admin interface. Default: none. */
  readonly admin?: AdminAddress;
  /** Log settings. */
  readonly log: LogConfig;
}

/** Keys of a server that this client joined. */
export interface JoinedKeys {
  /** Public half of the server's Ed25519 key: 32 bytes. */
  readonly serverKey: Uint8Array<ArrayBuffer>;
  /** Private half of this client's Ed25519 key, its seed: 32 bytes. */
  readonly clientKey: Uint8Array<ArrayBuffer>;
}

/** A server handler, as configured at a client handler. */
export interface Server {
  /** Name in forwards and log lines: letters, digits, dots and dashes, not beginning with the latter two. */
  readonly name: string;
  /** Channels: 2 to 16 addresses with distinct hosts, and distinct ways if they have any. */
  readonly channels: readonly ChannelAddress[];
  /** Ports served to redirected connections. Default: all. */
  readonly ports?: readonly number[];
  /** File of the key that the server must prove to have. Default: it is not authenticated. */
  readonly key?: string;
  /** Number of channels that suffice. Default: that of the configuration. */
  readonly threshold?: number;
  /** Length of shares, where all channels are needed. Default: that of the configuration. */
  readonly shares?: Shares;
  /** Keys of a server that this client joined. Never in a configuration file. */
  readonly joined?: JoinedKeys;
  /** Estimates for `micss plan`. Handlers ignore them. */
  readonly estimates?: readonly Estimate[];
}

/** Properties of a channel, as far as they are given. */
export interface Qualities {
  /** Probability that an adversary reads the channel, 0 to 1. */
  readonly risk?: number;
  /** Fraction of its packets that are lost, from 0 to below 1. */
  readonly loss?: number;
  /** Time that a packet takes one way, in milliseconds. */
  readonly delay?: number;
  /** Throughput of TCP over it, in bits per second. */
  readonly rate?: number;
}

/** Qualities of a channel that is in use or could be. */
export interface Estimate extends Qualities {
  /** The channel; its way counts only if the channel is not in use. */
  readonly channel: ChannelAddress;
}

/** Forwards connections, or datagrams, to `listen` to `port` behind `server`. */
export interface Forward {
  /** Address to listen at. */
  readonly listen: Address;
  /** Name of a {@linkcode Server}, or the host of a server handler whose channels are learned. */
  readonly server: string;
  /** Port to request from the server handler, 1 to 65,535. */
  readonly port: number;
}

/** Configuration of `micss client`. */
export interface ClientConfig {
  /** Servers with distinct names; may be empty if there are keys or a database. */
  readonly servers: readonly Server[];
  /** Keys to identify other servers with. */
  readonly keys: readonly ClientKey[];
  /** File of the Ed25519 key that proves this client's identity to servers whose keys it has. Default: none. */
  readonly clientKey?: string;
  /** Action for destinations without a known server. */
  readonly unknown: UnknownAction;
  /** File that keeps learned channels. Default: depends on the user. */
  readonly database?: string;
  /** Directory with the joined servers. Default: depends on the user. */
  readonly state?: string;
  /** Forwards. At least one of the lists of ingress addresses is not empty. */
  readonly forwards: readonly Forward[];
  /** Forwards of datagrams. */
  readonly udpForwards: readonly Forward[];
  /** Addresses to listen at for connections redirected by REDIRECT rules. */
  readonly redirects: readonly Address[];
  /** Addresses to listen at for connections sent by TPROXY rules. */
  readonly tproxies: readonly Address[];
  /** Addresses to receive datagrams at that TPROXY rules hand over. */
  readonly udpTproxies: readonly Address[];
  /** Addresses to serve SOCKS5 at. */
  readonly socks5: readonly Address[];
  /** File of SOCKS5 users. Default: no authentication. */
  readonly socks5Users?: string;
  /** Addresses to serve HTTP CONNECT at. */
  readonly httpConnects: readonly Address[];
  /** File of HTTP CONNECT users. Default: no authentication. */
  readonly httpConnectUsers?: string;
  /** Sends applications' source addresses to server handlers. */
  readonly sendSource: boolean;
  /** Settings of `micss rules`; undefined for a handler whose file has none. If set, the rules must be installed. */
  readonly rules?: ClientRules;
  /** Maximum number of associations with each server, or one for each session. */
  readonly associations: AssociationChoice;
  /** Number of associations that can take another session to keep connected with each server in use. */
  readonly warm: number;
  /** Number of event loops that share the connections. */
  readonly workers: number;
  /** Source of pads. */
  readonly pads: PadChoice;
  /** Measures against an observer of sizes and times. */
  readonly padding: Padding;
  /** Length of shares, where all channels are needed. */
  readonly shares: Shares;
  /** Number of channels that suffice. Default: all are needed. */
  readonly threshold?: number;
  /** Limits. */
  readonly limits: ClientLimits;
  /** Timeouts. */
  readonly timeouts: Timeouts;
  /** Address of the admin interface. Default: none. */
  readonly admin?: AdminAddress;
  /** Log settings. */
  readonly log: LogConfig;
}

/**
 * Number of associations that sessions with a server share, 1 to 64; or `per-session`: each carries one session at a time,
 * as in the paper.
 */
export type AssociationChoice = number | "per-session";

/** A client handler's key, and the server handlers it belongs to. */
export interface ClientKey {
  /** Server handlers it belongs to. */
  readonly scope: KeyScope;
  /** Path of the key file. */
  readonly file: string;
}

/** Action for a destination without a known server handler. */
export type UnknownAction = "reject" | "direct";

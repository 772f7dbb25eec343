import type { ClientDirectory } from "../authenticate/client_directory.ts";
import type { ServerConfig } from "../config/types.ts";
import type { Key } from "../identify/key.ts";
import type { Log } from "../log/log.ts";
import type { ThrottledWarning } from "../log/throttled.ts";
import type { DatagramNetwork } from "../net/datagram.ts";
import type { Lookups } from "../net/names/lookups.ts";
import type { System } from "../net/system/system.ts";
import type { Activity } from "../observe/activity.ts";
import type { Liveness } from "../session/liveness.ts";
import type { CreditBudget } from "../streams/credit_budget.ts";
import type { RejoinRegistry } from "../association/rejoin_acceptor.ts";
import type { ByteBudget } from "../net/byte_budget.ts";
import type { ChannelBreaks } from "../observe/channel_breaks.ts";
import type { Workers } from "../wire/workers.ts";
import type { Capacity } from "./capacity.ts";
import type { ServerDatagrams } from "./datagrams.ts";

/** Options of {@linkcode Service}. */
export interface ServiceOptions extends System {
  /** Returns the current targets and time limits; called for each session. */
  readonly config: () => Pick<ServerConfig, "targets" | "udpTargets" | "timeouts" | "padding">;
  /** Resolves the names of targets. */
  readonly lookups: Lookups;
  /** Watches associations while they have streams. */
  readonly liveness: Liveness;
  /** Admits sessions, and may evict a service without one. */
  readonly capacity: Capacity;
  /** Limits on the streams of an association. */
  readonly limits: () => { readonly streams: number; readonly credit: number };
  /** Credit of all associations together. */
  readonly budget: CreditBudget;
  /** Shares that are kept until clients have joined them. */
  readonly kept: ByteBudget;
  /** Finds channels that are joined again. */
  readonly rejoins: RejoinRegistry;
  /** Reports broken channels. */
  readonly breaks: ChannelBreaks;
  /** Receives a line for each session, and at level debug for each association. */
  readonly log: Log;
  /** Logs failed associations. */
  readonly failed: ThrottledWarning;
  /** Logs refused sessions. */
  readonly refused: ThrottledWarning;
  /** Counts sessions. */
  readonly activity: Activity;
  /** The workers to announce to clients; null for a single one. */
  readonly workers: Workers | null;
  /** Returns the UDP side of the channels; null if the handler carries no datagrams. */
  readonly datagrams: () => ServerDatagrams | null;
  /** Makes the sockets towards targets of datagrams. */
  readonly datagramNetwork: DatagramNetwork;
  /** Returns the server's Ed25519 keys that can sign. */
  readonly keys: () => readonly Key[];
  /** Returns the clients known now. */
  readonly clients: () => ClientDirectory;
  /** Logs refused clients. */
  readonly denied: ThrottledWarning;
}

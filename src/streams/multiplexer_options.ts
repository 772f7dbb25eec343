import type { DatagramMeans } from "../wire/datagrams.ts";
import type { Open } from "../wire/open.ts";
import type { Offer } from "../wire/rejoin.ts";
import type { Workers } from "../wire/workers.ts";
import type { Authentication } from "./authentication.ts";
import type { WindowLimits } from "./receive_window.ts";
import type { Stream } from "./stream.ts";

/**
 * Measures against an observer of sizes and times: nothing; size classes for bursts; or also a steady beat for small writes.
 */
export type Padding = "off" | "sizes" | "beat";

/** Counts events of associations. */
export interface StreamCounters {
  /** Records that were refused, with their associations. */
  refusedRecords: number;
  /** Times that a stream had bytes to send and no credit. */
  creditWaits: number;
  /** Bytes of padding sent on each channel. */
  padding: number;
}

/** Options of {@linkcode Multiplexer}. */
export interface MultiplexerOptions extends WindowLimits {
  /** Counts events. */
  readonly counters: StreamCounters;
  /** Workers to name in the first frame: the server handler's own, or on a client those that are expected. */
  readonly workers: Workers | null;
  /** Authenticates the other side, and proves this side's identity. Default: the other side is not authenticated. */
  readonly authentication?: Authentication;
  /** Returns the measures against an observer of sizes and times. Default: nothing. */
  readonly padding?: () => Padding;
  /** Called when the first stream opens, when the last is over, and on a client that leaves without one. */
  readonly changed?: (streams: { readonly size: number }) => void;
  /** On a server: offers the means to join channels again, with the first stream. Default: offers none. */
  readonly offer?: () => void;
  /** On a client: takes such an offer; returns true if it is of use. Default: it is not. */
  readonly offered?: (offer: Offer) => boolean;
  /**
   * Takes the other side's means to send datagrams. Default: they are of no use.
   *
   * @throws {WireError} If they are not allowed, or not again.
   */
  readonly datagrams?: (means: DatagramMeans) => void;
  /** On a server: serves a stream that the client opened; sets its receiver before returning. */
  readonly opened?: (stream: Stream, open: Open) => void;
  /** On a server: returns the maximum number of streams at a time. */
  readonly maxStreams?: () => number;
}

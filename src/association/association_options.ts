import type { PadSource } from "../sharing/system_pads.ts";
import type { Clock } from "../time/clock.ts";
import type { KeepingLimits } from "./share_sender.ts";

/** Choices for the length of shares where all channels are needed (docs/PROTOCOL.md 3.2, 3.9). */
export const SHARES = ["full", "short"] as const;

/** One of {@linkcode SHARES}. */
export type Shares = typeof SHARES[number];

/** Sharing scheme and pads of an association, for both directions. */
export interface Sharing {
  /** Number of shares that suffice, at least 2. Default: all. With fewer than all, they are made by interpolation. */
  readonly threshold?: number;
  /** Measures how long a wrong record waits for further shares. Default: the system's. */
  readonly clock?: Clock;
  /** Makes short shares (docs/PROTOCOL.md 3.9); all are needed. Default: shares of the message's length. */
  readonly short?: boolean;
  /** Default: `padSource("auto")`. */
  readonly pads?: PadSource;
}

/** Decides about channels that break, and has them joined again. */
export interface Rejoining {
  /** Limits on the shares that are kept for it; null keeps none. */
  readonly limits: KeepingLimits | null;
  /**
   * Returns true if a broken channel is to be joined again; false ends the association.
   *
   * @param index The channel's index, from 0.
   * @param cause The error of its connection; null after an orderly end.
   */
  allows(index: number, cause: unknown): boolean;
  /** True if the association carries a session, or owes bytes of one. */
  inUse(): boolean;
  /** Reports a channel that is known to lie: it has been given up for good. */
  lied(index: number): void;
  /** Resolves when all that was joined has been handled: then the streams that are over are known. */
  handled(): Promise<void>;
  /** Begins to join it again; its connection has been reset. */
  broken(index: number, cause: unknown): void;
}

import type { PadSource } from "./pads.ts";

/**
 * A way to make n shares of a message such that all n, and no fewer, tell it (paper, section III-E).
 *
 * Byte k of each share belongs to byte k of the message, so that any cut of the shares is the shares of that cut, and
 * no framing is needed. Arrays are worked on in words of 8 bytes: each must start at an offset in its buffer that is
 * the same modulo 8 for all arrays of a call.
 */
export interface Scheme {
  /** The scheme's number on the wire. */
  readonly id: number;
  /** The scheme's name in logs and configuration. */
  readonly name: string;
  /**
   * Makes the shares of `message`.
   *
   * @param message The message; only read.
   * @param shares n arrays, all of the message's length, to be filled; none may overlap the message or each other.
   * @param pads Where fresh random bytes come from.
   * @throws {RangeError} When the lengths differ.
   * @throws What `pads` throws; the shares are then not to be sent.
   */
  split(message: Uint8Array, shares: readonly Uint8Array[], pads: PadSource): void;
  /**
   * Makes the message of its shares, in place of the first.
   *
   * @param shares All n shares, of one length, in any order.
   * @throws {RangeError} When the lengths differ.
   */
  join(shares: readonly Uint8Array[]): void;
}

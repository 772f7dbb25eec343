import type { PadSource } from "./system_pads.ts";

/**
 * Splits a message into n shares, of which a fixed number, and no fewer, reveal it: all n (paper, section III-E), or any k
 * of them.
 *
 * Byte j of each share belongs to byte j of the message, so shares can be cut anywhere and need no framing. Arrays may be
 * processed in words of 8 bytes: the offsets of all arrays of a call in their buffers must be equal modulo 8.
 */
export interface Scheme {
  /** The scheme's number on the wire. */
  readonly id: number;
  /** The scheme's name in logs and configuration. */
  readonly name: string;
  /**
   * Splits `message` into shares.
   *
   * @param message The message; not modified.
   * @param shares n arrays of the message's length, to be filled; none may overlap the message or another share.
   * @param pads Source of fresh random bytes.
   * @throws {RangeError} If the lengths differ.
   * @throws Whatever `pads` throws; the shares must not be sent then.
   */
  split(message: Uint8Array, shares: readonly Uint8Array[], pads: PadSource): void;
  /**
   * Joins shares into the message, which overwrites the first share.
   *
   * @param shares As many shares as reveal the message, of one length, in any order.
   * @param indexes The index of each, from 0 on; without it, their order is that in which `split` made them. A scheme that
   *   needs all n does not look at it.
   * @throws {RangeError} If the lengths differ.
   */
  join(shares: readonly Uint8Array[], indexes?: readonly number[]): void;
}

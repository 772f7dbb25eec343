import type { PadSource } from "./system_pads.ts";

/**
 * Splits a message into n shares, of which all n, and no fewer, reveal it (paper, section III-E).
 *
 * Byte k of each share belongs to byte k of the message, so shares can be cut anywhere and need no framing. Arrays are
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
   * @param shares All n shares, of one length, in any order.
   * @throws {RangeError} If the lengths differ.
   */
  join(shares: readonly Uint8Array[]): void;
}

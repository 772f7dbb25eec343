import { MicssError, reasonOf } from "../errors/errors.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { isDisconnect } from "../net/retry.ts";

/** Progress of a client's handshake when a channel failed. */
export interface HandshakeProgress {
  /** The last step completed on the channel that failed. */
  readonly reached: "nothing" | "connection" | "greeting";
  /** Number of other channels. */
  readonly others: number;
  /** Number of other channels on which the greeting had arrived. */
  readonly answered: number;
}

/** A channel failed, and its association with it. */
export class ChannelError extends MicssError {
  /**
   * Creates an error that names the channel.
   *
   * @param index The channel's index in the association, from 0.
   * @param address The channel's address at the server handler.
   * @param cause The channel's own error.
   * @param progress Progress of the handshake, if it failed during one.
   */
  constructor(
    readonly index: number,
    readonly address: Address,
    cause: unknown,
    readonly progress?: HandshakeProgress,
  ) {
    super(`channel ${channelAt(index, address)}: ${reasonOf(cause)}`, { cause });
  }
}

/** A channel lags so far behind the others that it is given up for now. */
export class Lagging extends MicssError {
  /** @param bytes Number of bytes that wait for it. */
  constructor(bytes: number) {
    super(`lags ${bytes} bytes behind the others`);
  }
}

/** The association has ended. */
export class AssociationOver extends MicssError {
  constructor() {
    super("the association has ended");
  }
}

/** Formats a channel: `2 (192.0.2.10:6522)`. @param index Its index in the association, from 0. */
export function channelAt(index: number, address: Address): string {
  return `${index + 1} (${formatAddress(address)})`;
}

/** Formats channel numbers: `channel 3`, `channels 2, 3 and 4`. @param indexes Indexes in the association, at least one. */
export function channelsOf(indexes: readonly number[]): string {
  const numbers = indexes.map((index) => index + 1);
  const last = numbers.pop();
  return numbers.length === 0 ? `channel ${last}` : `channels ${numbers.join(", ")} and ${last}`;
}

/** True if a channel failed because the other side ended it. */
export function isByOtherSide(cause: unknown): boolean {
  return cause === null || isDisconnect(cause);
}

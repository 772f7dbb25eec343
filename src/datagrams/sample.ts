import { PACKET_HEAD_LENGTH } from "./packet.ts";

/**
 * Shares of a datagram that was delivered, to check further ones against. Where fewer shares than channels are needed, the
 * slowest channel's always come too late to be joined: nothing would say that they, and the address that they came from,
 * are the other side's. A datagram now and then is enough for that.
 */
export class Sample {
  /** Sequence number; -1 for none. */
  sequence: number = -1;
  /** When it was delivered, in milliseconds. */
  time: number = -Infinity;
  /** All shares but one that it was joined from, one fewer than the threshold. */
  readonly shares: Uint8Array<ArrayBuffer>[] = [];
  /** The channel of each. */
  readonly channels: number[] = [];
  readonly #maxPacket: number;
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  readonly #known = new Set<number>();

  /** Number of channels whose share is known, right or wrong. */
  get known(): number {
    return this.#known.size;
  }

  /** Creates one that holds nothing. @param maxPacket Longest packet, in bytes. */
  constructor(maxPacket: number) {
    this.#maxPacket = maxPacket;
  }

  /**
   * Takes a datagram's shares, which are copied, in place of those held.
   *
   * @param shares The first one is left out: joining has overwritten it.
   * @param channels The channel of each.
   */
  take(sequence: number, time: number, shares: readonly Uint8Array[], channels: readonly number[]): void {
    this.sequence = sequence;
    this.time = time;
    this.#known.clear();
    for (const channel of channels) this.#known.add(channel);
    for (let index = 1; index < shares.length; index++) {
      // At the offset of a packet's share, as schemes work in words.
      const buffer = this.#buffers[index - 1] ??= new Uint8Array(this.#maxPacket);
      const share = shares[index]!, view = buffer.subarray(PACKET_HEAD_LENGTH, PACKET_HEAD_LENGTH + share.length);
      view.set(share);
      this.shares[index - 1] = view;
      this.channels[index - 1] = channels[index]!;
    }
  }

  /** Reports whether a channel's share may be tried: once, so that a flood of forged ones costs no more than that. */
  tries(channel: number): boolean {
    if (this.#known.has(channel)) return false;
    this.#known.add(channel);
    return true;
  }
}

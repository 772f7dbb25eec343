import { copyEndpoint, type Endpoint, ENDPOINT_WORDS, sameEndpoint, sameEndpointHost } from "../net/endpoint.ts";
import type { PadSource } from "../sharing/system_pads.ts";
import { PATH_LENGTH, TOKEN_LENGTH } from "./packet.ts";

/** Bytes that an address gets at most, for each that came from it, until it has answered a challenge. */
export const AMPLIFICATION = 3;

/** Time in milliseconds until an unanswered challenge is sent again. */
export const CHALLENGE_INTERVAL = 500;

/** Time in milliseconds after which an address that has not answered is given up. */
export const CHALLENGE_TIMEOUT = 3000;

/** An address that has not answered yet. */
interface Candidate {
  readonly endpoint: Endpoint;
  readonly token: Uint8Array<ArrayBuffer>;
  readonly since: number;
  /** Bytes of shares of verified datagrams that came from there. */
  received: number;
  sent: number;
  challengedAt: number;
}

/** A challenge to send on its channel. */
export interface Challenge {
  /** The address to send it to; only read. */
  readonly to: Endpoint;
  /** Eight random bytes that the answer has to repeat; only read. */
  readonly token: Uint8Array;
}

/**
 * The address that one channel's packets go to, which is where the other side's came from:
 *
 * ```text
 *            share of a verified datagram           its challenge is answered
 *  none or   from another address                   from there
 *  confirmed ---------------------------> candidate ------------------------> confirmed
 *     ^                                       |
 *     +---------------------------------------+
 *       a share from the confirmed address, or 3 s without an answer
 * ```
 *
 * A candidate gets packets at once, up to three times the bytes that came from it, and the confirmed address those beyond.
 */
export class ReturnAddress {
  readonly #random: PadSource;
  #confirmed: Endpoint | null = null;
  #candidate: Candidate | null = null;

  /** Creates one that has no address. @param random A CSPRNG. */
  constructor(random: PadSource) {
    this.#random = random;
  }

  /** The address that answered last; null if none has. */
  get confirmed(): Endpoint | null {
    return this.#confirmed;
  }

  /** The address that is yet to answer; null if there is none. */
  get candidate(): Endpoint | null {
    return this.#candidate?.endpoint ?? null;
  }

  /**
   * Notes that a share of a verified datagram came from an address.
   *
   * @param bytes The packet's length.
   * @param mayMove Reports whether the channel may move to that address.
   * @param now A monotonic time in milliseconds.
   * @returns False if it may not.
   */
  verified(source: Uint32Array, at: number, bytes: number, now: number, mayMove: () => boolean): boolean {
    this.#giveUp(now);
    const candidate = this.#candidate;
    if (this.#confirmed !== null && sameEndpoint(this.#confirmed, 0, source, at)) {
      this.#candidate = null;
    } else if (candidate !== null && sameEndpoint(candidate.endpoint, 0, source, at)) {
      candidate.received += bytes;
    } else {
      if (!mayMove()) return false;
      const endpoint = new Uint32Array(ENDPOINT_WORDS), token = new Uint8Array(TOKEN_LENGTH);
      copyEndpoint(source, at, endpoint, 0);
      this.#random(token);
      this.#candidate = { endpoint, token, since: now, received: bytes, sent: 0, challengedAt: -Infinity };
    }
    return true;
  }

  /** The address to send a packet to, whose bytes are counted; null if there is none now. */
  target(bytes: number, now: number): Endpoint | null {
    this.#giveUp(now);
    return this.#candidate !== null && spend(this.#candidate, bytes) ? this.#candidate.endpoint : this.#confirmed;
  }

  /** The challenge that is due, which is counted as sent; null if none is. */
  challenge(now: number): Challenge | null {
    this.#giveUp(now);
    const candidate = this.#candidate;
    if (candidate === null || now - candidate.challengedAt < CHALLENGE_INTERVAL) return null;
    if (!spend(candidate, PATH_LENGTH)) return null;
    candidate.challengedAt = now;
    return { to: candidate.endpoint, token: candidate.token };
  }

  /** Takes an answer to a challenge. @returns True if it confirms its sender's address. */
  answered(source: Uint32Array, at: number, token: Uint8Array): boolean {
    const candidate = this.#candidate;
    if (candidate === null || !sameEndpoint(candidate.endpoint, 0, source, at)) return false;
    let difference = token.length ^ TOKEN_LENGTH;
    for (let i = 0; i < TOKEN_LENGTH; i++) difference |= candidate.token[i]! ^ token[i]!;
    if (difference !== 0) return false;
    this.#confirmed = candidate.endpoint;
    this.#candidate = null;
    return true;
  }

  /** Gives up a candidate at an address that has turned out to be another channel's. */
  yield(endpoint: Endpoint): void {
    if (this.#candidate !== null && sameEndpoint(this.#candidate.endpoint, 0, endpoint, 0)) this.#candidate = null;
  }

  #giveUp(now: number): void {
    if (this.#candidate !== null && now - this.#candidate.since > CHALLENGE_TIMEOUT) this.#candidate = null;
  }
}

/** Counts bytes as sent to a candidate, if that many are allowed. */
function spend(candidate: Candidate, bytes: number): boolean {
  if (candidate.sent + bytes > AMPLIFICATION * candidate.received) return false;
  candidate.sent += bytes;
  return true;
}

/**
 * The return addresses of an association's channels, none of which moves to an address that another one uses: two shares
 * would then take one path. From one host to another it moves only if no other channel is at that host; its port may change
 * in any case, as it does behind address translation. An address that has not answered keeps no other channel from it at
 * the same host: an attacker on one channel would take another one's in advance.
 */
export class ReturnAddresses {
  readonly #channels: readonly ReturnAddress[];
  /** Shares of verified datagrams whose address was refused, since another channel uses it. */
  refused = 0;

  /** Creates those of a number of channels, without addresses. @param random A CSPRNG. */
  constructor(channels: number, random: PadSource) {
    this.#channels = Array.from({ length: channels }, () => new ReturnAddress(random));
  }

  /** The return address of a channel, to send to it and to take its answers. */
  of(channel: number): ReturnAddress {
    return this.#channels[channel]!;
  }

  /** See {@linkcode ReturnAddress.verified}. */
  verified(channel: number, source: Uint32Array, at: number, bytes: number, now: number): void {
    const own = this.#channels[channel]!;
    if (!own.verified(source, at, bytes, now, () => this.#mayMove(own, source, at))) this.refused++;
  }

  /** See {@linkcode ReturnAddress.answered}: the address is this channel's alone then. */
  answered(channel: number, source: Uint32Array, at: number, token: Uint8Array): boolean {
    const own = this.#channels[channel]!;
    if (!own.answered(source, at, token)) return false;
    for (const other of this.#channels) if (other !== own) other.yield(own.confirmed!);
    return true;
  }

  #mayMove(own: ReturnAddress, source: Uint32Array, at: number): boolean {
    const staysAtHost = own.confirmed === null || sameEndpointHost(own.confirmed, 0, source, at);
    const isUsed = (used: Endpoint | null): boolean =>
      used !== null && (staysAtHost ? sameEndpoint : sameEndpointHost)(used, 0, source, at);
    return this.#channels.every((other) =>
      other === own || !isUsed(other.confirmed) && (staysAtHost || !isUsed(other.candidate))
    );
  }
}

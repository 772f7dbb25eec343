import { headTag } from "../records/hashes.ts";
import { type Offer, REJOIN_ATTEMPTS, REJOIN_CODE_LENGTH } from "../wire/rejoin.ts";

/** The sender of a message about a channel to join again. */
export type Side = "client" | "server";

/**
 * Authenticates REJOIN and REJOINED for one channel: `code = mask + m1 a + m2 a^2` over GF(2^128), with a mask of its own
 * for each attempt and side (docs/PROTOCOL.md 9.2; docs/SECURITY.md, claim 5).
 *
 * The key and the masks come in a sealed record, shared over all channels, so that whoever misses a channel knows nothing of
 * them; and as no mask serves twice, a code that was seen says nothing about another.
 */
export class RejoinKey {
  /** The channel's index, from 0. */
  readonly index: number;
  /** Names the channel on a new connection. */
  readonly handle: Uint8Array<ArrayBuffer>;
  readonly #secrets: Uint8Array;

  /** Takes over what an OFFER brought. */
  constructor({ index, handle, secrets }: Offer) {
    this.index = index;
    this.handle = handle;
    this.#secrets = secrets;
  }

  /**
   * The code of a REJOIN.
   *
   * @param attempt Number of the attempt, from 0 to 7; a client sends a code for each at most once.
   * @param received Number of bytes that the client has received.
   * @param cookie The new connection's cookie, 16 bytes.
   */
  ofClient(attempt: number, received: number, cookie: Uint8Array): Uint8Array {
    return this.#code("client", attempt, received, cookie);
  }

  /**
   * The code of a REJOINED.
   *
   * @param received Number of bytes that the server has received.
   * @param asked Number in the REJOIN that it answers.
   */
  ofServer(attempt: number, received: number, asked: number): Uint8Array {
    const block = new Uint8Array(REJOIN_CODE_LENGTH);
    new DataView(block.buffer).setBigUint64(8, BigInt(asked));
    return this.#code("server", attempt, received, block);
  }

  #code(side: Side, attempt: number, received: number, block: Uint8Array): Uint8Array {
    const code = new Uint8Array(REJOIN_CODE_LENGTH), isServer = side === "server";
    const about = Number(isServer) << 16 | this.index << 8 | attempt;
    headTag(this.#secrets.subarray(0, REJOIN_CODE_LENGTH), about, received, block, code);
    const at = REJOIN_CODE_LENGTH * (1 + attempt + (isServer ? REJOIN_ATTEMPTS : 0));
    return code.map((byte, i) => byte ^ this.#secrets[at + i]!);
  }
}

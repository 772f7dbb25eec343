import { type Decoder, WireError } from "./decoder.ts";
import { decodeRefusedAfter, REFUSED, type RefusedReason } from "./associate.ts";
import { concat } from "./concat.ts";

/** Type of REJOIN and REJOINED. */
export const REJOIN = 3;

/** Length in bytes of a channel's handle. */
export const HANDLE_LENGTH = 16;

/** Length in bytes of the code that authenticates REJOIN or REJOINED. */
export const REJOIN_CODE_LENGTH = 16;

/** Number of attempts that an OFFER allows. */
export const REJOIN_ATTEMPTS = 8;

/** Length in bytes of an OFFER's secrets: a key, and for each attempt a mask of either side. */
export const REJOIN_SECRETS_LENGTH: number = REJOIN_CODE_LENGTH * (1 + 2 * REJOIN_ATTEMPTS);

/** Length in bytes of an OFFER's body: the channel's index `u8`, its handle, and the secrets. */
export const OFFER_LENGTH: number = 1 + HANDLE_LENGTH + REJOIN_SECRETS_LENGTH;

/** Largest count of bytes that a message can state: beyond it, JavaScript's numbers are not exact. */
export const MAX_COUNT = 2 ** 53 - 1;

/** Length in bytes of a count of bytes. */
export const COUNT_LENGTH = 8;

/** A client's request to join a broken channel of a running association again. */
export interface Rejoin {
  /** The channel's handle. */
  readonly handle: Uint8Array;
  /** Number of the attempt with this handle, from 0. */
  readonly attempt: number;
  /** Number of bytes that the client has received on the channel. */
  readonly received: number;
  /** Authenticates the request. */
  readonly code: Uint8Array;
}

/** A server handler's answer to {@linkcode Rejoin}. */
export type RejoinReply =
  /** `received` is the number of bytes that the server handler has received on the channel. */
  | { readonly kind: "rejoined"; readonly received: number; readonly code: Uint8Array }
  | { readonly kind: "refused"; readonly reason: RefusedReason };

/** Means to join a channel again, in an OFFER. */
export interface Offer {
  /** The channel's index in the association, from 0. */
  readonly index: number;
  /** Names the channel on a new connection; random. */
  readonly handle: Uint8Array<ArrayBuffer>;
  /** {@linkcode REJOIN_SECRETS_LENGTH} random bytes: the key, the client's masks, the server's masks. */
  readonly secrets: Uint8Array<ArrayBuffer>;
}

/** Encodes REJOIN (docs/PROTOCOL.md 9.2). */
export function encodeRejoin({ handle, attempt, received, code }: Rejoin): Uint8Array {
  return concat([[REJOIN], handle, [attempt], encodeCount(received), code]);
}

/** Decodes REJOIN for callers that have already read its first bytes. @param head At least one byte, not all of it. */
export function* decodeRejoinAfter(head: Uint8Array): Decoder<Rejoin> {
  const rest = yield HANDLE_LENGTH + 9 + REJOIN_CODE_LENGTH - (head.length - 1);
  const bytes = concat([head.subarray(1), rest]);
  const attempt = bytes[HANDLE_LENGTH]!;
  if (attempt >= REJOIN_ATTEMPTS) throw new WireError(`attempt ${attempt} to join a channel again`);
  return {
    handle: bytes.slice(0, HANDLE_LENGTH),
    attempt,
    received: decodeCount(bytes, HANDLE_LENGTH + 1),
    code: bytes.slice(HANDLE_LENGTH + 9),
  };
}

/** Encodes REJOINED. */
export function encodeRejoined(received: number, code: Uint8Array): Uint8Array {
  return concat([[REJOIN], encodeCount(received), code]);
}

/** Decodes the answer to REJOIN. @throws {WireError} If it is malformed. */
export function* decodeRejoinReply(): Decoder<RejoinReply> {
  const [type] = yield 1;
  if (type === REFUSED) return { kind: "refused", reason: yield* decodeRefusedAfter() };
  if (type !== REJOIN) throw new WireError(`expected the answer to REJOIN, got a message of type ${type}`);
  const bytes = yield 8 + REJOIN_CODE_LENGTH;
  return { kind: "rejoined", received: decodeCount(bytes, 0), code: bytes.slice(8) };
}

/** Encodes an OFFER's body. */
export function encodeOffer({ index, handle, secrets }: Offer): Uint8Array {
  return concat([[index], handle, secrets]);
}

/** Decodes an OFFER's body of {@linkcode OFFER_LENGTH} bytes; copies. */
export function decodeOffer(body: Uint8Array): Offer {
  return {
    index: body[0]!,
    handle: new Uint8Array(body.subarray(1, 1 + HANDLE_LENGTH)),
    secrets: new Uint8Array(body.subarray(1 + HANDLE_LENGTH)),
  };
}

/** Encodes a number of bytes as `u64`. */
export function encodeCount(count: number): Uint8Array {
  const bytes = new Uint8Array(COUNT_LENGTH);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(count));
  return bytes;
}

/** Decodes a number of bytes from `u64`. @throws {WireError} Above {@linkcode MAX_COUNT}. */
export function decodeCount(bytes: Uint8Array, at: number): number {
  const count = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at);
  if (count > BigInt(MAX_COUNT)) throw new WireError("a count of bytes that is out of range");
  return Number(count);
}

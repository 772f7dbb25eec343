import { concat } from "./concat.ts";
import { type Decoder, WireError } from "./decoder.ts";
import { decodeAddresses, encodeAddress, type WireAddress } from "./addresses.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "./associate.ts";

/** Method of authenticating an answer. */
export enum Method {
  /** HMAC with SHA-256 (RFC 2104) under a key of 32 bytes that both sides hold. */
  HmacSha256 = 1,
  /** An Ed25519 signature (RFC 8032) with the server's private key. */
  Ed25519 = 2,
}

/** Reason for which a server handler refuses a request; the numbers differ from those of refused lists. */
export enum IdentifyRefusal {
  /** The server handler lacks the key that the request names. */
  NoSuchKey = 64,
  /** The address that the request arrived at is not one of its channels. */
  NotAnnounced = 65,
}

/** Type of an identify message and of its answer. */
export const IDENTIFY = 2;

/** Length of a key id in bytes. */
export const KEY_ID_LENGTH = 8;

/** Key id of a request that only measures a path: it names no key. */
const NO_KEY = new Uint8Array(KEY_ID_LENGTH);

/** Length of a nonce in bytes. */
export const NONCE_LENGTH = 32;

/** Length of an identify message in bytes. */
export const IDENTIFY_LENGTH: number = 1 + KEY_ID_LENGTH + NONCE_LENGTH;

/** Maximum validity of a list in seconds: bounds how long a leaked key misleads clients that have dropped it. */
export const MAX_VALID: number = 30 * 24 * 3600;

const REFUSED = 255;
const TOKEN_LENGTHS: Readonly<Record<number, number>> = { [Method.HmacSha256]: 32, [Method.Ed25519]: 64 };
const VALID_LENGTH = 4;
const SHORTEST_LIST = MIN_CHANNELS * (1 + 4 + 2) + VALID_LENGTH;
const LONGEST_LIST = MAX_CHANNELS * (1 + 16 + 2) + VALID_LENGTH;
const CONTEXT = new TextEncoder().encode("MICSS/2 channel identification\0");

/** A client's request for a server handler's channels. */
export interface Identify {
  /** Id of the key that is to authenticate the answer: 8 bytes. */
  readonly keyId: Uint8Array;
  /** 32 bytes from the CSPRNG, for this request alone. */
  readonly nonce: Uint8Array;
}

/** A server handler's channels, and how long they are valid. */
export interface ChannelList {
  /** 2 to 16 addresses. */
  readonly channels: readonly WireAddress[];
  /** In seconds, from 1 to {@linkcode MAX_VALID}. */
  readonly valid: number;
}

/** An answer. It must not be used before its token is verified. */
export interface IdentifyAnswer {
  /** Method of authentication. */
  readonly method: Method;
  /** The bytes of a {@linkcode ChannelList}; {@linkcode decodeChannelList} reads them. */
  readonly list: Uint8Array<ArrayBuffer>;
  /** 32 bytes of HMAC or 64 of signature over {@linkcode identifyTranscript}. */
  readonly token: Uint8Array<ArrayBuffer>;
}

/** A server handler's reply to a request. */
export type IdentifyReply =
  | { readonly kind: "answer"; readonly answer: IdentifyAnswer }
  | { readonly kind: "refused"; readonly reason: IdentifyRefusal };

/** Contents that a token authenticates. */
export interface Transcript extends Identify {
  /** Method of making the token. */
  readonly method: Method;
  /** Address that the client connected to. */
  readonly connected: WireAddress;
  /** Bytes of the list. */
  readonly list: Uint8Array;
}

/** Encodes a request (docs/PROTOCOL.md, identification; paper, section III-C): type, key id, nonce. */
export function encodeIdentify({ keyId, nonce }: Identify): Uint8Array {
  return concat([[IDENTIFY], keyId, nonce]);
}

/** Encodes a request for nothing, by which a client that only measures a path tells that it is no stranger. */
export function encodeProbe(): Uint8Array {
  return encodeIdentify({ keyId: NO_KEY, nonce: new Uint8Array(NONCE_LENGTH) });
}

/** Tells a request of {@linkcode encodeProbe} by its key id. */
export function isProbe({ keyId }: Identify): boolean {
  return keyId.every((byte) => byte === 0);
}

/** Decodes the rest of a request after its first `head.length` bytes, which begin with its type. */
export function* decodeIdentifyAfter(head: Uint8Array): Decoder<Identify> {
  const bytes = new Uint8Array(IDENTIFY_LENGTH);
  bytes.set(head);
  bytes.set(yield IDENTIFY_LENGTH - head.length, head.length);
  return { keyId: bytes.slice(1, 1 + KEY_ID_LENGTH), nonce: bytes.slice(1 + KEY_ID_LENGTH) };
}

/**
 * Encodes a list: for each address family `u8` (4 or 6), the address, port `u16`; then seconds valid `u32`.
 *
 * @throws {RangeError} If {@linkcode decodeChannelList} would refuse it.
 */
export function encodeChannelList({ channels, valid }: ChannelList): Uint8Array<ArrayBuffer> {
  const bytes = concat([...channels.map(encodeAddress), [valid >>> 24, valid >>> 16, valid >>> 8, valid]]);
  try {
    decodeChannelList(bytes);
  } catch (cause) {
    throw new RangeError(`invalid list of channels: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return bytes;
}

/**
 * Decodes a list after its token was verified.
 *
 * @throws {WireError} If it is malformed, names fewer than 2 or more than 16 addresses, repeats one, names an address that
 * can't be connected to, or has a time out of range.
 */
export function decodeChannelList(list: Uint8Array): ChannelList {
  const end = list.length - VALID_LENGTH;
  const channels = decodeAddresses(list.subarray(0, Math.max(0, end)));
  const valid = new DataView(list.buffer, list.byteOffset, list.byteLength).getUint32(end);
  if (valid === 0 || valid > MAX_VALID) {
    throw new WireError(`a list is valid for ${valid} s; must be 1 to ${MAX_VALID}`);
  }
  return { channels, valid };
}

/** Encodes an answer: type, method, the list's length `u16`, the list, the token. */
export function encodeIdentifyAnswer({ method, list, token }: IdentifyAnswer): Uint8Array<ArrayBuffer> {
  return concat([[IDENTIFY, method, list.length >>> 8, list.length], list, token]);
}

/** Encodes the refusal of a request: like that of a list, with other reasons. */
export function encodeIdentifyRefusal(reason: IdentifyRefusal): Uint8Array {
  return Uint8Array.of(REFUSED, reason);
}

/**
 * Decodes a server handler's reply to a request.
 *
 * @param expected Method of the requested key, which fixes the token's length.
 * @throws {WireError} If it is neither answer nor refusal, uses another method, or states an impossible length of the list;
 * before reading the list.
 */
export function* decodeIdentifyReply(expected: Method): Decoder<IdentifyReply> {
  const [type] = yield 1;
  if (type === REFUSED) {
    const [reason = 0] = yield 1;
    if (IdentifyRefusal[reason] === undefined) throw new WireError(`refused for unknown reason ${reason}`);
    return { kind: "refused", reason };
  }
  if (type !== IDENTIFY) throw new WireError(`expected a list of channels, got a message of type ${type}`);
  const [method, high = 0, low = 0] = yield 3;
  if (method !== expected) {
    throw new WireError(`expected an answer of method ${expected} (${Method[expected]}), got method ${method}`);
  }
  const length = high << 8 | low;
  if (length < SHORTEST_LIST || length > LONGEST_LIST) throw new WireError(`a list of ${length} bytes`);
  const list = (yield length).slice();
  const token = (yield TOKEN_LENGTHS[expected]!).slice();
  return { kind: "answer", answer: { method: expected, list, token } };
}

/**
 * The bytes that a token authenticates: a context used for nothing else under the key, method `u8`, key id, nonce, the
 * address that the client connected to, the list's length `u16`, and the list. Each part determines its own length, so
 * distinct transcripts never encode to the same bytes.
 */
export function identifyTranscript(
  { method, keyId, nonce, connected, list }: Transcript,
): Uint8Array<ArrayBuffer> {
  return concat([
    CONTEXT,
    [method],
    keyId,
    nonce,
    encodeAddress(connected),
    [list.length >>> 8, list.length],
    list,
  ]);
}

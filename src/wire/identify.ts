import { type Decoder, WireError } from "./decoder.ts";
import { FEWEST_CHANNELS, MOST_CHANNELS } from "./associate.ts";

/** How an answer is authenticated. */
export enum Method {
  /** HMAC with SHA-256 (RFC 2104) under a key of 32 bytes that both sides hold. */
  HmacSha256 = 1,
  /** An Ed25519 signature (RFC 8032), made with the server's private key. */
  Ed25519 = 2,
}

/** Why a server handler does not answer a question; told apart from a list's reasons by their numbers. */
export enum Unanswered {
  /** It does not have the key that the question names. */
  NoSuchKey = 64,
  /** It does not know the address that the question came to as one of its channels. */
  NotAnnounced = 65,
}

/** The type of an identify message and of its answer. */
export const IDENTIFY = 2;

/** A key id's length in bytes. */
export const KEY_ID_LENGTH = 8;

/** A nonce's length in bytes. */
export const NONCE_LENGTH = 32;

/** An identify message's length in bytes. */
export const IDENTIFY_LENGTH: number = 1 + KEY_ID_LENGTH + NONCE_LENGTH;

/** How long a list may be valid, in seconds: a key that leaked misleads nobody for longer who has dropped it. */
export const MOST_VALID: number = 30 * 24 * 3600;

const REFUSED = 255;
const TOKEN_LENGTHS: Readonly<Record<number, number>> = { [Method.HmacSha256]: 32, [Method.Ed25519]: 64 };
const IPV4 = 4, IPV6 = 6;
const FAMILY_LENGTHS: Readonly<Record<number, number>> = { [IPV4]: 4, [IPV6]: 16 };
const VALID_LENGTH = 4;
const SHORTEST_LIST = FEWEST_CHANNELS * (1 + 4 + 2) + VALID_LENGTH;
const LONGEST_LIST = MOST_CHANNELS * (1 + 16 + 2) + VALID_LENGTH;
const CONTEXT = new TextEncoder().encode("MICSS/1 channel identification\0");

/** A client's question for a server handler's channels. */
export interface Identify {
  /** Which key the answer is to be authenticated by: 8 bytes. */
  readonly keyId: Uint8Array;
  /** 32 bytes of the CSPRNG, for this question alone. */
  readonly nonce: Uint8Array;
}

/** A TCP address as it is sent. */
export interface WireAddress {
  /** 4 or 16 bytes in network order. */
  readonly address: Uint8Array;
  /** 1 to 65,535. */
  readonly port: number;
}

/** A server handler's channels, and how long they are what they are. */
export interface ChannelList {
  /** 2 to 16 addresses. */
  readonly channels: readonly WireAddress[];
  /** In seconds, from 1 to {@linkcode MOST_VALID}. */
  readonly valid: number;
}

/** An answer. Nothing in it means anything before its token is verified. */
export interface IdentifyAnswer {
  /** How it is authenticated. */
  readonly method: Method;
  /** The bytes of a {@linkcode ChannelList}; {@linkcode decodeChannelList} reads them. */
  readonly list: Uint8Array<ArrayBuffer>;
  /** 32 bytes of HMAC or 64 of signature over {@linkcode identifyTranscript}. */
  readonly token: Uint8Array<ArrayBuffer>;
}

/** What a server handler says to a question. */
export type IdentifyReply =
  | { readonly kind: "answer"; readonly answer: IdentifyAnswer }
  | { readonly kind: "refused"; readonly reason: Unanswered };

/** What a token is over. */
export interface Transcript extends Identify {
  /** How the token is made. */
  readonly method: Method;
  /** Where the client connected to. */
  readonly connected: WireAddress;
  /** The bytes of the list. */
  readonly list: Uint8Array;
}

/** Encodes a question (docs/PROTOCOL.md, identification; paper, section III-C): type, key id, nonce. */
export function encodeIdentify({ keyId, nonce }: Identify): Uint8Array {
  return concat([[IDENTIFY], keyId, nonce]);
}

/** Decodes what follows the first `head.length` bytes of a question, of which the first is its type. */
export function* decodeIdentifyAfter(head: Uint8Array): Decoder<Identify> {
  const bytes = new Uint8Array(IDENTIFY_LENGTH);
  bytes.set(head);
  bytes.set(yield IDENTIFY_LENGTH - head.length, head.length);
  return { keyId: bytes.slice(1, 1 + KEY_ID_LENGTH), nonce: bytes.slice(1 + KEY_ID_LENGTH) };
}

/**
 * Encodes a list: for each address family `u8` (4 or 6), the address, port `u16`; then seconds valid `u32`.
 *
 * @throws {RangeError} When it is none that {@linkcode decodeChannelList} takes.
 */
export function encodeChannelList({ channels, valid }: ChannelList): Uint8Array<ArrayBuffer> {
  const bytes = concat([...channels.map(encodeAddress), [valid >>> 24, valid >>> 16, valid >>> 8, valid]]);
  try {
    decodeChannelList(bytes);
  } catch (cause) {
    throw new RangeError(`no list to send: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return bytes;
}

/**
 * Decodes a list whose token was verified.
 *
 * @throws {WireError} When it is malformed, names fewer than 2 or more than 16 addresses, one twice, one that nobody can
 * connect to, or a time out of range.
 */
export function decodeChannelList(list: Uint8Array): ChannelList {
  const channels: WireAddress[] = [];
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const end = list.length - VALID_LENGTH;
  for (let at = 0; at < end;) {
    const length = FAMILY_LENGTHS[list[at]!];
    if (length === undefined) throw new WireError(`an address of unknown family ${list[at]}`);
    if (at + 1 + length + 2 > end) throw new WireError("a list that ends within an address");
    const address = list.slice(at + 1, at + 1 + length);
    const port = view.getUint16(at + 1 + length);
    if (port === 0 || address.every((byte) => byte === 0)) throw new WireError("a list with an address of nobody");
    channels.push({ address, port });
    at += 1 + length + 2;
  }
  if (channels.length < FEWEST_CHANNELS || channels.length > MOST_CHANNELS) {
    throw new WireError(`a list of ${channels.length} channels; ${FEWEST_CHANNELS} to ${MOST_CHANNELS} are allowed`);
  }
  // Two ports of one address are one path.
  if (new Set(channels.map(({ address }) => address.toHex())).size < channels.length) {
    throw new WireError("a list with two channels at one address");
  }
  const valid = view.getUint32(end);
  if (valid === 0 || valid > MOST_VALID) throw new WireError(`a list that is valid for ${valid} s`);
  return { channels, valid };
}

/** Encodes an answer: type, method, the list's length `u16`, the list, the token. */
export function encodeIdentifyAnswer({ method, list, token }: IdentifyAnswer): Uint8Array<ArrayBuffer> {
  return concat([[IDENTIFY, method, list.length >>> 8, list.length], list, token]);
}

/** Encodes why a question is not answered: as the refusal of a list, with a reason of its own. */
export function encodeUnanswered(reason: Unanswered): Uint8Array {
  return Uint8Array.of(REFUSED, reason);
}

/**
 * Decodes what a server handler says to a question.
 *
 * @param expected The method of the key that was named: it fixes the token's length.
 * @throws {WireError} When it is neither answer nor refusal, is of another method, or gives its list a length that no
 * list has; before the list is read.
 */
export function* decodeIdentifyReply(expected: Method): Decoder<IdentifyReply> {
  const [type] = yield 1;
  if (type === REFUSED) {
    const [reason = 0] = yield 1;
    if (Unanswered[reason] === undefined) throw new WireError(`refused for an unknown reason, ${reason}`);
    return { kind: "refused", reason };
  }
  if (type !== IDENTIFY) throw new WireError(`a message of type ${type} came where the list of channels was due`);
  const [method, high = 0, low = 0] = yield 3;
  if (method !== expected) {
    throw new WireError(`an answer of method ${method} where ${expected} (${Method[expected]}) was due`);
  }
  const length = high << 8 | low;
  if (length < SHORTEST_LIST || length > LONGEST_LIST) throw new WireError(`a list of ${length} bytes`);
  const list = (yield length).slice();
  const token = (yield TOKEN_LENGTHS[expected]!).slice();
  return { kind: "answer", answer: { method: expected, list, token } };
}

/**
 * The bytes that a token is over: a context that nothing else under the key is ever over, method `u8`, key id, nonce, the
 * address that the client connected to, the list's length `u16` and the list. Each part ends where its own bytes say, so
 * that no two transcripts are the same bytes.
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

function encodeAddress({ address, port }: WireAddress): Uint8Array {
  return concat([[address.length === FAMILY_LENGTHS[IPV4] ? IPV4 : IPV6], address, [port >>> 8, port]]);
}

/** Pieces in one; numbers give their lowest 8 bits. */
function concat(pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

import { type Decoder, WireError } from "./decoder.ts";
import { COOKIE_LENGTH } from "./greeting.ts";

/** Minimum number of channels of an association: one channel leaves nothing to share. */
export const MIN_CHANNELS = 2;

/** Maximum number of channels of an association. */
export const MAX_CHANNELS = 16;

/** The client's list of cookies, with the sharing scheme of the channels that they name. */
export interface Associate {
  /** The sharing scheme's number: 1 is XOR, 2 interpolation, 3 short shares. */
  readonly scheme: number;
  /** Number of shares needed to learn anything; with XOR and short shares the number of channels. */
  readonly threshold: number;
  /**
   * A cookie of 16 bytes per channel, all distinct; a channel's position is its share's index. With interpolation,
   * {@linkcode NO_COOKIE} stands for a channel that joins later.
   */
  readonly cookies: readonly Uint8Array[];
}

/** A server handler's answer to a list: its exact echo, or a refusal. */
export type AssociateReply =
  | { readonly kind: "echo"; readonly bytes: Uint8Array }
  | { readonly kind: "refused"; readonly reason: RefusedReason };

/** Reason for which a server handler refuses a list. */
export enum RefusedReason {
  /** An unsupported scheme or threshold, or a list without its own sender. Malformed lists get no answer. */
  Unacceptable = 1,
  /** The list names a cookie that belongs to no live, unassociated connection. */
  UnknownCookie = 2,
  /** A connection in the list sent a different list, or ended. */
  Mismatch = 3,
  /** Two connections in the list arrived at the same address: they would share a path. */
  SharedAddress = 4,
  /** The server is at its limit. */
  Overloaded = 5,
  /** A broken channel can't be joined again: its association is over, or the request is not from its client. */
  NotOffered = 6,
}

/** Number of sharing by XOR, of which all shares are needed. */
export const XOR = 1;

/** Number of sharing by interpolation, of which `threshold` shares are needed. */
export const INTERPOLATION = 2;

/** Number of sharing by short shares, all of which are needed. */
export const SHORT = 3;

/** Stands for a channel that joins later: 16 zeros. */
export const NO_COOKIE: Uint8Array = new Uint8Array(COOKIE_LENGTH);

const ASSOCIATE = 1;

/** Type of a refusal. */
export const REFUSED = 255;

/** Length in bytes of the head of an associate message: type, scheme, threshold, number of channels. */
export const ASSOCIATE_HEAD_LENGTH = 4;

/** Length in bytes of an {@linkcode associationId}. */
const ID_LENGTH = 6;

/**
 * Names an association in both handlers' logs: the beginnings of its cookies, combined by XOR, in hexadecimal.
 *
 * Every channel carries the cookies in the clear, so the name says nothing that is not known there, and no share, key or
 * mask goes into it. It is uniformly random if one cookie is, so other associations have other names, whatever the owner
 * of the other channels does.
 */
export function associationId(cookies: readonly Uint8Array[]): string {
  const id = new Uint8Array(ID_LENGTH);
  for (const cookie of cookies) id.forEach((byte, at) => id[at] = byte ^ cookie[at]!);
  return id.toHex();
}

/** Length in bytes of an associate message that names `channels` connections. */
export function associateLength(channels: number): number {
  return ASSOCIATE_HEAD_LENGTH + channels * COOKIE_LENGTH;
}

/** Encodes an associate message (docs/PROTOCOL.md 2.2; paper, section III-D step 3). */
export function encodeAssociate({ scheme, threshold, cookies }: Associate): Uint8Array {
  const bytes = new Uint8Array(associateLength(cookies.length));
  bytes.set([ASSOCIATE, scheme, threshold, cookies.length]);
  cookies.forEach((cookie, index) => bytes.set(cookie, ASSOCIATE_HEAD_LENGTH + index * COOKIE_LENGTH));
  return bytes;
}

/**
 * Decodes an associate message as the server handler reads it. Checks the number of channels before reading the cookies,
 * and that they are distinct afterwards.
 *
 * @throws {WireError} If the message is malformed, names fewer than 2 or more than 16 cookies, or repeats one.
 */
export function* decodeAssociate(): Decoder<Associate> {
  return yield* decodeAssociateAfter((yield ASSOCIATE_HEAD_LENGTH).slice());
}

/** {@linkcode decodeAssociate} for callers that have already read the first {@linkcode ASSOCIATE_HEAD_LENGTH} bytes. */
export function* decodeAssociateAfter(head: Uint8Array): Decoder<Associate> {
  const [type, scheme, threshold, channels] = fourBytes(head);
  if (type !== ASSOCIATE) throw new WireError(`expected a list of cookies, got a message of type ${type}`);
  if (channels < MIN_CHANNELS || channels > MAX_CHANNELS) {
    throw new WireError(`a list has ${channels} cookies; must have ${MIN_CHANNELS} to ${MAX_CHANNELS}`);
  }
  const list = yield channels * COOKIE_LENGTH;
  const cookies = Array.from(
    { length: channels },
    (_, index) => list.slice(index * COOKIE_LENGTH, (index + 1) * COOKIE_LENGTH),
  );
  const present = cookies.filter((cookie) => scheme !== INTERPOLATION || !isAbsent(cookie));
  if (new Set(present.map(cookieKey)).size < present.length) throw new WireError("a list names a cookie twice");
  return { scheme, threshold, cookies };
}

/** Encodes the refusal of a list (docs/PROTOCOL.md 2.4). */
export function encodeRefused(reason: RefusedReason): Uint8Array {
  return Uint8Array.of(REFUSED, reason);
}

/**
 * Decodes the server handler's answer to a list of `channels` cookies. The caller compares an echo with its list.
 *
 * @throws {WireError} If the answer is malformed.
 */
export function* decodeAssociateReply(channels: number): Decoder<AssociateReply> {
  const [type] = yield 1;
  if (type === REFUSED) {
    return { kind: "refused", reason: yield* decodeRefusedAfter() };
  }
  if (type !== ASSOCIATE) throw new WireError(`expected the echo of the list, got a message of type ${type}`);
  const bytes = new Uint8Array(associateLength(channels));
  bytes[0] = ASSOCIATE;
  bytes.set(yield bytes.length - 1, 1);
  return { kind: "echo", bytes };
}

/** Decodes the rest of a refusal, behind its type. @throws {WireError} For an unknown reason. */
export function* decodeRefusedAfter(): Decoder<RefusedReason> {
  const [reason = 0] = yield 1;
  if (RefusedReason[reason] === undefined) throw new WireError(`refused for unknown reason ${reason}`);
  return reason;
}

/** True if a list names no connection for a channel. */
export function isAbsent(cookie: Uint8Array): boolean {
  return cookie.every((byte) => byte === 0);
}

/** A cookie, or a whole list, as a string for comparison and as a map key. */
export function cookieKey(bytes: Uint8Array): string {
  return bytes.toHex();
}

function fourBytes(bytes: Uint8Array): [number, number, number, number] {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [a, b, c, d];
}

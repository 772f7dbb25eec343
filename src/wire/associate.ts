import { type Decoder, WireError } from "./decoder.ts";
import { COOKIE_LENGTH } from "./greeting.ts";

/** The fewest channels that an association has: with one there is nothing to share between. */
export const FEWEST_CHANNELS = 2;

/** The most channels that an association has. */
export const MOST_CHANNELS = 16;

/** The client's list of cookies, and with it how the channels that they name will share. */
export interface Associate {
  /** The sharing scheme's number; 1 is XOR. */
  readonly scheme: number;
  /** How many shares are needed to learn anything; for XOR the number of channels. */
  readonly threshold: number;
  /** A cookie of 16 bytes per channel, distinct; a channel's place is its share's index. */
  readonly cookies: readonly Uint8Array[];
}

/** What a server handler answers to a list: its exact echo, or why not. */
export type AssociateReply =
  | { readonly kind: "echo"; readonly bytes: Uint8Array }
  | { readonly kind: "refused"; readonly reason: RefusedReason };

/** Why a server handler refuses a list. */
export enum RefusedReason {
  /** A scheme or a threshold that the server does not do, or a list without its own sender. What is malformed is not answered. */
  Unacceptable = 1,
  /** The list names a cookie of no connection that is alive and free. */
  UnknownCookie = 2,
  /** A connection that the list names has sent another list, or ended. */
  Mismatch = 3,
  /** Two connections of the list arrived at the same address: they would be one path. */
  SharedAddress = 4,
  /** The server takes no more. */
  Overloaded = 5,
}

const ASSOCIATE = 1;
const REFUSED = 255;

/** The length in bytes of what an associate message begins with: type, scheme, threshold, number of channels. */
export const ASSOCIATE_HEAD_LENGTH = 4;

/** The length in bytes of an associate message that names `channels` connections. */
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
 * Decodes an associate message, as the server handler reads it: the number of channels is checked before the cookies
 * are read, that they are distinct after.
 *
 * @throws {WireError} When the bytes are no such message, or name fewer than 2 or more than 16 cookies, or one twice.
 */
export function* decodeAssociate(): Decoder<Associate> {
  return yield* decodeAssociateAfter((yield ASSOCIATE_HEAD_LENGTH).slice());
}

/** {@linkcode decodeAssociate}, for who has read the first {@linkcode ASSOCIATE_HEAD_LENGTH} bytes. */
export function* decodeAssociateAfter(head: Uint8Array): Decoder<Associate> {
  const [type, scheme, threshold, channels] = fourBytes(head);
  if (type !== ASSOCIATE) throw new WireError(`a message of type ${type} came where a list of cookies was due`);
  if (channels < FEWEST_CHANNELS || channels > MOST_CHANNELS) {
    throw new WireError(`a list of ${channels} cookies; ${FEWEST_CHANNELS} to ${MOST_CHANNELS} are allowed`);
  }
  const list = yield channels * COOKIE_LENGTH;
  const cookies = Array.from(
    { length: channels },
    (_, index) => list.slice(index * COOKIE_LENGTH, (index + 1) * COOKIE_LENGTH),
  );
  if (new Set(cookies.map(cookieKey)).size < channels) throw new WireError("a list that names a cookie twice");
  return { scheme, threshold, cookies };
}

/** Encodes why a list is refused (docs/PROTOCOL.md 2.4). */
export function encodeRefused(reason: RefusedReason): Uint8Array {
  return Uint8Array.of(REFUSED, reason);
}

/**
 * Decodes the server handler's answer to a list of `channels` cookies. Whether an echo is exact is for the caller to
 * compare.
 *
 * @throws {WireError} When the bytes are no answer.
 */
export function* decodeAssociateReply(channels: number): Decoder<AssociateReply> {
  const [type] = yield 1;
  if (type === REFUSED) {
    const [reason = 0] = yield 1;
    if (RefusedReason[reason] === undefined) throw new WireError(`refused for an unknown reason, ${reason}`);
    return { kind: "refused", reason };
  }
  if (type !== ASSOCIATE) throw new WireError(`a message of type ${type} came where the echo of the list was due`);
  const bytes = new Uint8Array(associateLength(channels));
  bytes[0] = ASSOCIATE;
  bytes.set(yield bytes.length - 1, 1);
  return { kind: "echo", bytes };
}

/** A cookie, or a whole list, as a text that compares and serves as a key in a map. */
export function cookieKey(bytes: Uint8Array): string {
  return bytes.toHex();
}

function fourBytes(bytes: Uint8Array): [number, number, number, number] {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [a, b, c, d];
}

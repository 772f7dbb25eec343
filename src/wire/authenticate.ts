import { concat } from "./concat.ts";
import { WireError } from "./decoder.ts";
import { KEY_ID_LENGTH, type Method, NONCE_LENGTH } from "./identify.ts";

/** Length of HELLO's body in bytes: a key id and a nonce. */
export const HELLO_LENGTH: number = KEY_ID_LENGTH + NONCE_LENGTH;

/** Length in bytes of a proof: that of an Ed25519 signature; an HMAC is followed by zeros. */
export const PROOF_LENGTH = 64;

/** Length of AUTH's body in bytes: the server's nonce or the client's key id with zeros behind it, and a proof. */
export const AUTH_LENGTH: number = NONCE_LENGTH + PROOF_LENGTH;

/** Length of an invitation's id in ENROLL, in bytes. */
const INVITATION_LENGTH = 8;

/** Length of a public key, of a hash and of a MAC, in bytes. */
const HASH_LENGTH = 32;

/** Length of ENROLL's body in bytes: the client's public key, the MAC and the invitation's id. */
export const ENROLL_LENGTH: number = 2 * HASH_LENGTH + INVITATION_LENGTH;

/** Maximum length of ENROLLED's body, a client's name, in bytes. */
export const MAX_CLIENT_NAME = 63;

const CONTEXT = new TextEncoder().encode("MICSS/2 auth\0");

/** Reason for which a server refuses a client. */
export enum DeniedCode {
  /** Clients must authenticate. */
  NoProof = 1,
  /** The key is unknown, or the proof is wrong. */
  NotAuthentic = 2,
  /** The server does not have the key that HELLO names. */
  NoSuchKey = 3,
  /** The invitation is unknown, used, expired or altered. */
  NotInvited = 4,
  /** The client, or its key, was removed. */
  Revoked = 5,
}

/** The party whose proof it is, or the enrolment. */
export enum ProofSide {
  /** The client's proof. */
  Client = 1,
  /** The server's proof. */
  Server = 2,
  /** The MAC of an enrolment. */
  Enrolment = 3,
}

/** Contents of ENROLL. */
export interface Enroll {
  /** Public half of the client's Ed25519 key: 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** HMAC-SHA-256 under the invitation's key: 32 bytes. */
  readonly mac: Uint8Array<ArrayBuffer>;
  /** The invitation's id: 8 bytes. */
  readonly invitation: Uint8Array<ArrayBuffer>;
}

/** Parts of a transcript; see {@linkcode encodeTranscript}. */
export interface Transcript {
  /** The proof's purpose. */
  readonly side: ProofSide;
  /** Method of both keys. */
  readonly method: Method;
  /** Hash of the client's key; null in the server's proof, which precedes it. */
  readonly clientKey: Uint8Array | null;
  /** Hash of the server's key. */
  readonly serverKey: Uint8Array;
  /** The nonce of HELLO. */
  readonly clientNonce: Uint8Array;
  /** The nonce of the server's AUTH. */
  readonly serverNonce: Uint8Array;
  /** The association's list message, whole (docs/PROTOCOL.md 2.2). */
  readonly list: Uint8Array;
}

/**
 * The bytes that a proof is over: only the last part has no fixed length, so no two readings are the same bytes.
 *
 * @throws {RangeError} If a hash or nonce does not have 32 bytes.
 */
export function encodeTranscript(transcript: Transcript): Uint8Array<ArrayBuffer> {
  const { side, method, clientKey, serverKey, clientNonce, serverNonce, list } = transcript;
  const fixed = [clientKey ?? new Uint8Array(HASH_LENGTH), serverKey, clientNonce, serverNonce];
  for (const { length } of fixed) {
    if (length !== HASH_LENGTH) throw new RangeError(`A hash or nonce of ${length} bytes`);
  }
  return concat([CONTEXT, [side, method], ...fixed, list]);
}

/** Extends a token to the length of a proof. @throws {RangeError} If it is too long. */
export function toProof(token: Uint8Array): Uint8Array<ArrayBuffer> {
  if (token.length > PROOF_LENGTH) throw new RangeError(`A token of ${token.length} bytes`);
  return concat([token, new Uint8Array(PROOF_LENGTH - token.length)]);
}

/** Reads the token in a proof. @param length The token's length by its method. @throws {WireError} If more than zeros follow. */
export function fromProof(proof: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  if (proof.subarray(length).some((byte) => byte !== 0)) throw new WireError("AUTH with bytes behind its proof");
  return proof.slice(0, length);
}

/** Extends a key id to the length of a nonce, for the client's AUTH. */
export function toHead(keyId: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat([keyId, new Uint8Array(NONCE_LENGTH - keyId.length)]);
}

/** Reads the key id in the client's AUTH. @throws {WireError} If more than zeros follow. */
export function fromHead(head: Uint8Array): Uint8Array<ArrayBuffer> {
  if (head.subarray(KEY_ID_LENGTH).some((byte) => byte !== 0)) throw new WireError("AUTH with bytes behind its key id");
  return head.slice(0, KEY_ID_LENGTH);
}

/** Reads the body of ENROLL, of {@linkcode ENROLL_LENGTH} bytes. */
export function decodeEnroll(body: Uint8Array): Enroll {
  const bytes = new Uint8Array(body);
  return {
    publicKey: bytes.slice(0, HASH_LENGTH),
    mac: bytes.slice(HASH_LENGTH, 2 * HASH_LENGTH),
    invitation: bytes.slice(2 * HASH_LENGTH),
  };
}

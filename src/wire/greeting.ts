import { type Decoder, WireError } from "./decoder.ts";

/** The version of the protocol that this code speaks, in the greeting. */
export const PROTOCOL_VERSION = 1;

/** A cookie's length in bytes. */
export const COOKIE_LENGTH = 16;

/** A greeting's length in bytes. */
export const GREETING_LENGTH: number = 6 + COOKIE_LENGTH;

const MAGIC = new TextEncoder().encode("MICSS");

/**
 * The server handler's first bytes on every connection: `"MICSS"`, the version, the connection's cookie
 * (docs/PROTOCOL.md 2.1; paper, section III-D step 2).
 *
 * @param cookie 16 bytes from the CSPRNG, unique among the connections that are alive.
 */
export function encodeGreeting(cookie: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(GREETING_LENGTH);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = PROTOCOL_VERSION;
  bytes.set(cookie, MAGIC.length + 1);
  return bytes;
}

/** A server handler speaks another version of the protocol. */
export class VersionError extends WireError {
  /** Tells the class in a stack trace. */
  override name = "VersionError";

  /**
   * An error in words.
   *
   * @param version What the server handler speaks.
   */
  constructor(readonly version: number) {
    super(`the server handler speaks protocol ${version}, this one ${PROTOCOL_VERSION}`);
  }
}

/** What answers is something else than a server handler. */
export class NoServerError extends WireError {
  /** Tells the class in a stack trace. */
  override name = "NoServerError";

  /** An error in words. */
  constructor() {
    super("what answers there is no MICSS server handler");
  }
}

/**
 * Decodes a greeting.
 *
 * @returns The cookie, the caller's to keep.
 * @throws {NoServerError} When no MICSS server handler answers.
 * @throws {VersionError} When one of another version does.
 */
export function* decodeGreeting(): Decoder<Uint8Array> {
  const head = yield MAGIC.length + 1;
  if (!MAGIC.every((byte, index) => byte === head[index])) throw new NoServerError();
  const version = head[MAGIC.length]!;
  if (version !== PROTOCOL_VERSION) throw new VersionError(version);
  return (yield COOKIE_LENGTH).slice();
}

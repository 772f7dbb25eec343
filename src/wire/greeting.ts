import { type Decoder, WireError } from "./decoder.ts";

/** Version of the protocol, as sent in the greeting. */
export const PROTOCOL_VERSION = 2;

/** Length of a cookie in bytes. */
export const COOKIE_LENGTH = 16;

/** Length of a greeting in bytes. */
export const GREETING_LENGTH: number = 6 + COOKIE_LENGTH;

const MAGIC = new TextEncoder().encode("MICSS");

/**
 * The server handler's first bytes on every connection: `"MICSS"`, the version, the connection's cookie
 * (docs/PROTOCOL.md 2.1; paper, section III-D step 2).
 *
 * @param cookie 16 bytes from the CSPRNG, unique among live connections.
 */
export function encodeGreeting(cookie: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(GREETING_LENGTH);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = PROTOCOL_VERSION;
  bytes.set(cookie, MAGIC.length + 1);
  return bytes;
}

/** The server handler speaks another version of the protocol. */
export class VersionError extends WireError {
  /**
   * Creates an error.
   *
   * @param version The server handler's version.
   */
  constructor(readonly version: number) {
    super(`the server handler speaks protocol ${version}, this one ${PROTOCOL_VERSION}`);
  }
}

/** The peer is not a MICSS server handler. */
export class NoServerError extends WireError {
  /** Creates an error. */
  constructor() {
    super("the peer is not a MICSS server handler");
  }
}

/**
 * Decodes a greeting.
 *
 * @returns The cookie, owned by the caller.
 * @throws {NoServerError} If the peer is not a MICSS server handler.
 * @throws {VersionError} If it speaks another version.
 */
export function* decodeGreeting(): Decoder<Uint8Array> {
  const head = yield MAGIC.length + 1;
  if (!MAGIC.every((byte, index) => byte === head[index])) throw new NoServerError();
  const version = head[MAGIC.length]!;
  if (version !== PROTOCOL_VERSION) throw new VersionError(version);
  return (yield COOKIE_LENGTH).slice();
}

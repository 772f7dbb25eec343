import { createHash } from "node:crypto";
import { decodeAddresses, encodeAddress, type WireAddress } from "./addresses.ts";
import { concat } from "./concat.ts";
import { WireError } from "./decoder.ts";

/** Length in bytes of an invitation's token, and of the key that authenticates an enrolment. */
export const TOKEN_LENGTH = 32;

/** Length of an invitation's id in bytes. */
export const INVITATION_ID_LENGTH = 8;

/** Maximum length of a server's or client's name, in characters. */
export const MAX_NAME_LENGTH = 63;

const KIND = "micss-invite-v1";
const KEY_LENGTH = 32;
const TIME_LENGTH = 8;
const CHECKSUM_LENGTH = 8;
const HEAD_LENGTH = TIME_LENGTH + TOKEN_LENGTH + KEY_LENGTH + 1;

/** Maximum length of a line in characters, with white space that a mail program may have inserted. */
export const MAX_LINE_LENGTH = 1024;

/** Latest expiry, in milliseconds since 1970: the end of the year 9999. */
const MAX_EXPIRES = 253_402_300_799_000;

const CHECKSUM_CONTEXT = "MICSS/2 invitation checksum\0";
const ID_CONTEXT = "MICSS/2 invitation id\0";
const KEY_CONTEXT = "MICSS/2 invitation key\0";

/** The contents of an invitation (docs/PROTOCOL.md 8.6). Secret: whoever has the line can enrol in the client's place. */
export interface Invitation {
  /** The server's name, as {@linkcode isName} accepts it. */
  readonly server: string;
  /** Addresses of the server's channels: 2 to 16, each at a host of its own. */
  readonly channels: readonly WireAddress[];
  /** Public half of the server's Ed25519 key: 32 bytes. */
  readonly serverKey: Uint8Array<ArrayBuffer>;
  /** {@linkcode TOKEN_LENGTH} bytes from the CSPRNG, for this invitation alone. */
  readonly token: Uint8Array<ArrayBuffer>;
  /** Time of expiry, in whole seconds, given in milliseconds since 1970. */
  readonly expires: number;
}

/** Reports whether `text` can name a client or a joined server: letters, digits, dots and dashes, not a number or address. */
export function isName(text: string): boolean {
  if (text.length > MAX_NAME_LENGTH || /(^|\.)(\d+|0x[\da-f]*)$/i.test(text)) return false;
  return /^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/i.test(text);
}

/**
 * Formats an invitation as one line, without a newline.
 *
 * @throws {RangeError} If {@linkcode parseInvitation} would refuse it.
 */
export function formatInvitation(invitation: Invitation): string {
  const content = contentOf(invitation);
  try {
    decodeContent(content);
  } catch (cause) {
    throw new RangeError(`invalid invitation: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const bytes = concat([content, hash(CHECKSUM_CONTEXT, content, CHECKSUM_LENGTH)]);
  return `${KIND} ${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/**
 * Parses the line of an invitation. White space around it or within its second word does not matter: mail programs wrap
 * lines.
 *
 * @throws {SyntaxError} If it is not an invitation, or altered. The message contains no part of it.
 */
export function parseInvitation(text: string): Invitation {
  const [, kind = "", coded = ""] = /^\s*(\S+)\s*(.*)$/s.exec(text.slice(0, MAX_LINE_LENGTH + 1)) ?? [];
  if (text.length > MAX_LINE_LENGTH || kind !== KIND) {
    const other = /^micss-invite-v\d+$/.test(kind) ? "made by another version of micss; use that version" : undefined;
    throw new SyntaxError(
      `not an invitation: ${other ?? `paste the whole line that micss invite printed, from ${KIND} on`}`,
    );
  }
  try {
    const bytes = Uint8Array.fromBase64(coded.replace(/\s+/g, ""), { alphabet: "base64url" });
    const content = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_LENGTH));
    const sum = hash(CHECKSUM_CONTEXT, content, CHECKSUM_LENGTH);
    if (sum.toHex() === bytes.subarray(content.length).toHex()) return decodeContent(content);
  } catch (error) {
    // The messages of fromBase64 may contain part of the secret.
    if (!(error instanceof SyntaxError || error instanceof WireError)) throw error;
  }
  throw new SyntaxError("the invitation is truncated or altered; copy the whole line again");
}

/** The id by which a server finds an invitation: says nothing about the token. */
export function invitationId({ token }: Pick<Invitation, "token">): Uint8Array<ArrayBuffer> {
  return hash(ID_CONTEXT, token, INVITATION_ID_LENGTH);
}

/**
 * The HMAC key that authenticates an enrolment: {@linkcode TOKEN_LENGTH} bytes. It depends on the whole line, so that a line
 * in which anything was changed enrols nowhere. The server keeps it in place of the token.
 */
export function invitationKey(invitation: Invitation): Uint8Array<ArrayBuffer> {
  return hash(KEY_CONTEXT, contentOf(invitation), TOKEN_LENGTH);
}

/** Time of expiry `u64` in seconds, token, server's key, length `u8` of the server's name, the name, the addresses. */
function contentOf({ server, channels, serverKey, token, expires }: Invitation): Uint8Array<ArrayBuffer> {
  const time = new DataView(new ArrayBuffer(TIME_LENGTH));
  time.setBigUint64(0, BigInt(Math.max(0, Math.floor(expires / 1000))));
  const name = new TextEncoder().encode(server);
  return concat([new Uint8Array(time.buffer), token, serverKey, [name.length], name, ...channels.map(encodeAddress)]);
}

/** @throws {WireError} */
function decodeContent(content: Uint8Array<ArrayBuffer>): Invitation {
  if (content.length <= HEAD_LENGTH) throw new WireError("an invitation is too short");
  const keyAt = TIME_LENGTH + TOKEN_LENGTH, namesAt = HEAD_LENGTH + content[HEAD_LENGTH - 1]!;
  const expires = Number(new DataView(content.buffer, content.byteOffset).getBigUint64(0)) * 1000;
  if (expires > MAX_EXPIRES) throw new WireError("an invitation expires after the year 9999");
  const server = String.fromCharCode(...content.subarray(HEAD_LENGTH, namesAt));
  if (namesAt > content.length || !isName(server)) throw new WireError("an invitation has an invalid server name");
  return {
    server,
    channels: decodeAddresses(content.subarray(namesAt)),
    serverKey: content.slice(keyAt, keyAt + KEY_LENGTH),
    token: content.slice(TIME_LENGTH, keyAt),
    expires,
  };
}

function hash(context: string, bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(context).update(bytes).digest()).slice(0, length);
}

/**
 * The CONNECT method of HTTP/1 as bytes (RFC 9110, 9.3.6; RFC 9112, 3.2.3). Pure.
 *
 * @module
 */
import { type Address, parsePort } from "../../net/address.ts";
import { type Decoder, WireError } from "../../wire/decoder.ts";
import { destinationHost } from "./destination_host.ts";

/** The longest request line and header section together, in bytes. */
export const MAX_HEAD = 8192;

/** The answers that this way in gives, and their reason phrases. */
export const STATUSES = {
  200: "Connection Established",
  400: "Bad Request",
  403: "Forbidden",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
} as const;

/** One of {@linkcode STATUSES} that is an error. */
export type ErrorStatus = Exclude<keyof typeof STATUSES, 200>;

/** A request that has to be answered with an error. */
export class HttpError extends WireError {
  /** An error in words; `status` is the answer that is due. */
  constructor(message: string, readonly status: ErrorStatus) {
    super(message);
  }
}

/** A user name and a password, in bytes as they were sent. */
export interface Credentials {
  /** Without a colon. */
  readonly user: Uint8Array;
  /** Of any bytes. */
  readonly password: Uint8Array;
}

/** What a request to connect says. */
export interface ConnectRequest {
  /** Where to; the host as `destinationHost` gives it. */
  readonly destination: Address;
  /** Who asks (RFC 7617), where that is said. */
  readonly credentials?: Credentials;
}

const HT = 9, LF = 10, CR = 13, SPACE = 32, DELETE = 127;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Decodes a request to connect, up to the empty line and no byte further: what follows is the tunnel's.
 *
 * @throws {HttpError} As early as it shows that the bytes are no such request, or one of more than {@linkcode MAX_HEAD}.
 */
export function* decodeConnect(): Decoder<ConnectRequest> {
  const [requestLine = "", ...lines] = yield* decodeHead();
  const [method = "", target = "", version = "", ...rest] = requestLine.split(" ");
  const number = /^HTTP\/(\d)\.\d$/.exec(version)?.[1];
  if (!TOKEN.test(method) || target === "" || number === undefined || rest.length > 0) {
    throw new HttpError("no request line of HTTP/1", 400);
  }
  if (number !== "1") throw new HttpError(`a request of HTTP/${number}`, 505);
  const fields = lines.map(parseField);
  const values = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value);
  if (method !== "CONNECT") throw new HttpError("another method than CONNECT", 405);
  const hosts = values("host").length;
  if (hosts > 1 || (hosts === 0 && version !== "HTTP/1.0")) throw new HttpError(`${hosts} Host fields`, 400);
  if (values("transfer-encoding").length > 0 || values("content-length").some((length) => length !== "0")) {
    throw new HttpError("a CONNECT request with content", 400);
  }
  const authorizations = values("proxy-authorization");
  if (authorizations.length > 1) throw new HttpError("several Proxy-Authorization fields", 400);
  const destination = parseAuthority(target);
  const credentials = authorizations.map(parseBasic)[0];
  return credentials === undefined ? { destination } : { destination, credentials };
}

/** The head's lines, without their ends and the empty one. */
function* decodeHead(): Decoder<string[]> {
  let head = "", last = 0;
  // How many bytes of CR LF CR LF have come; at least as many as are lacking belong to the head, so no more are read.
  for (let matched = 0; matched < 4;) {
    const bytes = yield 4 - matched;
    if (head.length + bytes.length > MAX_HEAD) throw new HttpError(`a head of more than ${MAX_HEAD} bytes`, 431);
    for (const byte of bytes) {
      const ends = last === CR, isEnd = byte === LF;
      if (ends !== isEnd || (byte < SPACE && byte !== HT && byte !== CR && byte !== LF) || byte === DELETE) {
        throw new HttpError("a byte that has no place in a head", 400);
      }
      if (byte === (matched % 2 === 0 ? CR : LF)) matched++;
      else matched = 0;
      last = byte;
    }
    head += String.fromCharCode(...bytes);
  }
  return head.slice(0, -4).split("\r\n");
}

function parseField(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  // Neither a line that continues the one before, nor white space before the colon (RFC 9112, 5.1 and 5.2).
  if (!TOKEN.test(name)) throw new HttpError("a line that is no header field", 400);
  return { name: name.toLowerCase(), value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "") };
}

function parseAuthority(text: string): Address {
  const [, ipv6, name, port = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = ipv6 !== undefined && !ipv6.includes(":") ? null : destinationHost(ipv6 ?? name ?? "");
  if (host === null) throw new HttpError("a target that is no HOST:PORT", 400);
  return { host, port: parseConnectPort(port) };
}

function parseConnectPort(text: string): number {
  if (Number(text) < 1 || Number(text) > 65535) throw new HttpError("a target without a port that there is", 400);
  return parsePort(text);
}

function parseBasic(value: string): Credentials | undefined {
  const [, text] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(value) ?? [];
  if (text === undefined) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
  const colon = bytes.indexOf(":".charCodeAt(0));
  return colon < 0 ? undefined : { user: bytes.subarray(0, colon), password: bytes.subarray(colon + 1) };
}

/** Encodes that the tunnel begins with the next byte. */
export function encodeEstablished(): Uint8Array {
  return new TextEncoder().encode(`HTTP/1.1 200 ${STATUSES[200]}\r\n\r\n`);
}

/**
 * Encodes an error; the connection is closed after it.
 *
 * @param text What people are told, in one line.
 */
export function encodeError(status: ErrorStatus, text: string): Uint8Array {
  const body = `micss: ${text}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUSES[status]}`,
    ...status === 405 ? ["Allow: CONNECT"] : [],
    ...status === 407 ? ['Proxy-Authenticate: Basic realm="micss", charset="UTF-8"'] : [],
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${new TextEncoder().encode(body).length}`,
    "Connection: close",
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

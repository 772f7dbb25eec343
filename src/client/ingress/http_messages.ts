/**
 * Messages of HTTP/1 CONNECT (RFC 9110, 9.3.6; RFC 9112, 3.2.3). Pure.
 *
 * @module
 */
import { type Address, parsePort } from "../../net/address.ts";
import { type Decoder, WireError } from "../../wire/decoder.ts";
import { destinationHost } from "./destination_host.ts";

/** Maximum length of request line and header section together, in bytes. */
export const MAX_HEAD = 8192;

/** Statuses in use, with their reason phrases. */
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

/** An error status. */
export type ErrorStatus = Exclude<keyof typeof STATUSES, 200>;

/** An invalid request, and the status of its response. */
export class HttpError extends WireError {
  /** @param status Status of the response. */
  constructor(message: string, readonly status: ErrorStatus) {
    super(message);
  }
}

/** User name and password, as sent. */
export interface Credentials {
  /** Contains no colon. */
  readonly user: Uint8Array;
  /** Any bytes. */
  readonly password: Uint8Array;
}

/** A CONNECT request. */
export interface ConnectRequest {
  /** Requested destination; its host as from `destinationHost`. */
  readonly destination: Address;
  /** Basic credentials (RFC 7617), if any. */
  readonly credentials?: Credentials;
}

const HT = 9, LF = 10, CR = 13, SPACE = 32, DELETE = 127;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Decodes a CONNECT request up to the empty line, and nothing beyond it: what follows belongs to the tunnel.
 *
 * @throws {HttpError} As soon as the request proves invalid, or longer than {@linkcode MAX_HEAD}.
 */
export function* decodeConnect(): Decoder<ConnectRequest> {
  const [requestLine = "", ...lines] = yield* decodeHead();
  const [method = "", target = "", version = "", ...rest] = requestLine.split(" ");
  const number = /^HTTP\/(\d)\.\d$/.exec(version)?.[1];
  if (!TOKEN.test(method) || target === "" || number === undefined || rest.length > 0) {
    throw new HttpError("not an HTTP/1 request line", 400);
  }
  if (number !== "1") throw new HttpError(`HTTP/${number} is not supported`, 505);
  const fields = lines.map(parseField);
  const values = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value);
  if (method !== "CONNECT") throw new HttpError("only CONNECT is supported", 405);
  const hosts = values("host").length;
  if (hosts > 1 || (hosts === 0 && version !== "HTTP/1.0")) {
    throw new HttpError(`expected one Host field, got ${hosts}`, 400);
  }
  if (values("transfer-encoding").length > 0 || values("content-length").some((length) => length !== "0")) {
    throw new HttpError("a CONNECT request must not have content", 400);
  }
  const authorizations = values("proxy-authorization");
  if (authorizations.length > 1) throw new HttpError("more than one Proxy-Authorization field", 400);
  const destination = parseAuthority(target);
  const credentials = authorizations.map(parseBasic)[0];
  return credentials === undefined ? { destination } : { destination, credentials };
}

/** Decodes the lines of a head, without line ends and the empty line. */
function* decodeHead(): Decoder<string[]> {
  let head = "", last = 0;
  // Number of bytes of CR LF CR LF seen so far. At least as many bytes as are missing belong to the head, so it is safe to
  // read that many.
  for (let matched = 0; matched < 4;) {
    const bytes = yield 4 - matched;
    if (head.length + bytes.length > MAX_HEAD) throw new HttpError(`request head longer than ${MAX_HEAD} bytes`, 431);
    for (const byte of bytes) {
      const ends = last === CR, isEnd = byte === LF;
      if (ends !== isEnd || (byte < SPACE && byte !== HT && byte !== CR && byte !== LF) || byte === DELETE) {
        throw new HttpError("invalid byte in the request head", 400);
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
  // Rejects folded lines, and white space before the colon (RFC 9112, 5.1 and 5.2).
  if (!TOKEN.test(name)) throw new HttpError("invalid header field", 400);
  return { name: name.toLowerCase(), value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "") };
}

function parseAuthority(text: string): Address {
  const [, ipv6, name, port = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = ipv6 !== undefined && !ipv6.includes(":") ? null : destinationHost(ipv6 ?? name ?? "");
  if (host === null) throw new HttpError("the target is not HOST:PORT", 400);
  return { host, port: parseConnectPort(port) };
}

function parseConnectPort(text: string): number {
  if (Number(text) < 1 || Number(text) > 65535) throw new HttpError("the target's port is not in 1-65535", 400);
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

/** Encodes success; the tunnel begins with the next byte. */
export function encodeEstablished(): Uint8Array {
  return new TextEncoder().encode(`HTTP/1.1 200 ${STATUSES[200]}\r\n\r\n`);
}

/**
 * Encodes an error response, after which the connection is closed.
 *
 * @param text Explanation for people, in one line.
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

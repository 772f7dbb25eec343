import { WireError } from "./decoder.ts";

/** Destination that a client requests for a session. */
export type Destination =
  /** A port of the server itself. */
  | { readonly kind: "port"; readonly port: number }
  /** A host name, for the server to resolve. */
  | { readonly kind: "name"; readonly port: number; readonly host: string }
  /** An address of 4 or 16 bytes, in network order. */
  | { readonly kind: "address"; readonly port: number; readonly address: Uint8Array }
  /** A port of the server itself, for a flow of datagrams, which bear the number `flow`: 0 to 65,535. */
  | { readonly kind: "datagrams"; readonly port: number; readonly flow: number };

/** Body of an OPEN frame: the destination and, if the client sends it, the application's address. */
export interface Open {
  /** Destination of the session. */
  readonly destination: Destination;
  /** The application's own address, 4 or 16 bytes in network order, and port, for the target's PROXY header. */
  readonly source?: { readonly address: Uint8Array; readonly port: number };
}

const KIND_PORT = 1, KIND_NAME = 2, KIND_IPV4 = 3, KIND_IPV6 = 4, KIND_DATAGRAMS = 5;
const MAX_NAME = 253;

/** Maximum length of the body in bytes: a name of 253 bytes and an IPv6 source. */
export const MAX_OPEN_BODY: number = 3 + 1 + MAX_NAME + 1 + 16 + 2;

/**
 * Encodes an OPEN frame's body: kind `u8`, port `u16`, host; then source kind `u8` (0 for none), source address, source
 * port `u16` (docs/PROTOCOL.md 5.2).
 *
 * @throws {RangeError} If a name is empty, longer than 253 bytes or not a host name, or an address does not have 4 or 16
 * bytes.
 */
export function encodeOpen({ destination, source }: Open): Uint8Array {
  const { port } = destination;
  const bytes = [hostKind(destination), port >>> 8, port & 255];
  if (destination.kind === "name") {
    if (!isName(destination.host)) throw new RangeError(`not a host name: "${destination.host}"`);
    bytes.push(destination.host.length, ...new TextEncoder().encode(destination.host));
  } else if (destination.kind === "address") {
    bytes.push(...destination.address);
  } else if (destination.kind === "datagrams") {
    bytes.push(destination.flow >>> 8, destination.flow & 255);
  }
  if (source === undefined) bytes.push(0);
  else bytes.push(addressKind(source.address), ...source.address, source.port >>> 8, source.port & 255);
  return Uint8Array.from(bytes);
}

/**
 * Decodes an OPEN frame's body.
 *
 * @throws {WireError} If it is malformed, or has trailing bytes.
 */
export function decodeOpen(body: Uint8Array): Open {
  let at = 0;
  const pass = (length: number): number => {
    if (at + length > body.length) throw new WireError("OPEN ends too early");
    at += length;
    return at - length;
  };
  const take = (length: number): Uint8Array => body.slice(pass(length), at);
  const u8 = (): number => body[pass(1)]!;
  const u16 = (): number => u8() << 8 | u8();
  const kind = u8(), port = u16();
  let destination: Destination;
  if (kind === KIND_PORT) destination = { kind: "port", port };
  else if (kind === KIND_NAME) destination = { kind: "name", port, host: decodeName(take(u8())) };
  else if (kind === KIND_DATAGRAMS) destination = { kind: "datagrams", port, flow: u16() };
  else destination = { kind: "address", port, address: take(addressLength(kind)) };
  const sourceKind = u8();
  const source = sourceKind === 0 ? undefined : { address: take(addressLength(sourceKind)), port: u16() };
  if (at < body.length) throw new WireError("OPEN has trailing bytes");
  return source === undefined ? { destination } : { destination, source };
}

function hostKind(destination: Destination): number {
  if (destination.kind === "port") return KIND_PORT;
  if (destination.kind === "datagrams") return KIND_DATAGRAMS;
  return destination.kind === "name" ? KIND_NAME : addressKind(destination.address);
}

function addressKind(address: Uint8Array): number {
  if (address.length === 4) return KIND_IPV4;
  if (address.length === 16) return KIND_IPV6;
  throw new RangeError(`an address of ${address.length} bytes`);
}

function addressLength(kind: number): number {
  if (kind === KIND_IPV4) return 4;
  if (kind === KIND_IPV6) return 16;
  throw new WireError(`OPEN has an address of unknown kind ${kind}`);
}

function decodeName(bytes: Uint8Array): string {
  const name = String.fromCharCode(...bytes);
  if (!isName(name)) throw new WireError("OPEN has an invalid host name");
  return name;
}

function isName(name: string): boolean {
  return name.length <= MAX_NAME && /^[\w-]+(\.[\w-]+)*\.?$/.test(name);
}

/**
 * Messages of SOCKS version 5 (RFC 1928) and its password authentication (RFC 1929). Pure.
 *
 * @module
 */
import type { Address } from "../../net/address.ts";
import { bytesHost, hostBytes, isIp } from "../../net/ip.ts";
import { type Decoder, WireError } from "../../wire/decoder.ts";
import { destinationHost } from "./destination_host.ts";

/** Authentication methods. */
export enum AuthMethod {
  /** No authentication. */
  None = 0,
  /** User name and password (RFC 1929). */
  Password = 2,
  /** None of the client's methods is acceptable. */
  Unacceptable = 255,
}

/** Reply codes (RFC 1928, section 6). */
export enum Reply {
  /** Connected. */
  Succeeded = 0,
  /** Any error without a code of its own. */
  GeneralFailure = 1,
  /** Forbidden by the ruleset. */
  NotAllowed = 2,
  /** No route to the network. */
  NetworkUnreachable = 3,
  /** No answer from the host. */
  HostUnreachable = 4,
  /** Refused by the host. */
  ConnectionRefused = 5,
  /** A command other than CONNECT and UDP ASSOCIATE. */
  CommandNotSupported = 7,
  /** Neither IPv4 nor IPv6 nor a name. */
  AddressTypeNotSupported = 8,
}

/** Types of addresses. */
export enum AddressType {
  /** Four bytes. */
  Ipv4 = 1,
  /** A byte with the length, and a host name. */
  Name = 3,
  /** 16 bytes. */
  Ipv6 = 4,
}

/** A request (RFC 1928, section 4). */
export type Request =
  /** Asks for a connection. */
  | { readonly command: "connect"; readonly destination: Address }
  /** Asks for a UDP relay; with the address that the application will send from, if it is one, which may be zeros. */
  | { readonly command: "udp-associate"; readonly source: Address | null };

/** An invalid request, and the reply to it. */
export class Socks5Error extends WireError {
  /** @param reply Code of the reply. */
  constructor(message: string, readonly reply: Reply) {
    super(message);
  }
}

const VERSION = 5;
const PASSWORD_VERSION = 1;
const CONNECT = 1, UDP_ASSOCIATE = 3;
const NONE: Address = { host: "0.0.0.0", port: 0 };

/**
 * Decodes a client's first message: the methods that it offers.
 *
 * @throws {WireError} If the version is not 5.
 */
export function* decodeMethods(): Decoder<Uint8Array> {
  const [version, count] = twoBytes(yield 2);
  if (version !== VERSION) throw new WireError(`not SOCKS5: version ${version}`);
  return count === 0 ? new Uint8Array(0) : (yield count).slice();
}

/** Encodes the choice of a method. */
export function encodeMethod(method: AuthMethod): Uint8Array {
  return Uint8Array.of(VERSION, method);
}

/**
 * Decodes a user name and a password; either may be empty.
 *
 * @throws {WireError} If the version is not 1.
 */
export function* decodePassword(): Decoder<{ readonly user: Uint8Array; readonly password: Uint8Array }> {
  const [version, userLength] = twoBytes(yield 2);
  if (version !== PASSWORD_VERSION) throw new WireError(`password authentication: version ${version} instead of 1`);
  // The password's length follows the name.
  const name = yield userLength + 1;
  const user = name.slice(0, userLength), passwordLength = name[userLength]!;
  const password = passwordLength === 0 ? new Uint8Array(0) : (yield passwordLength).slice();
  return { user, password };
}

/** Encodes the result of password authentication. */
export function encodePasswordStatus(correct: boolean): Uint8Array {
  return Uint8Array.of(PASSWORD_VERSION, correct ? 0 : 1);
}

/**
 * Decodes a request. A host sent as a name may be an address in text form.
 *
 * @throws {Socks5Error} As soon as the request proves invalid or unsupported.
 * @throws {WireError} If the version is not 5.
 */
export function* decodeRequest(): Decoder<Request> {
  const [version, command, reserved, type] = yield 4;
  if (version !== VERSION) throw new WireError(`request of version ${version} instead of 5`);
  if (command !== CONNECT && command !== UDP_ASSOCIATE) {
    const message = `command ${command} is not supported, only CONNECT and UDP ASSOCIATE`;
    throw new Socks5Error(message, Reply.CommandNotSupported);
  }
  if (reserved !== 0) throw new Socks5Error("reserved byte is not 0", Reply.GeneralFailure);
  const host = yield* decodeHost(type!);
  const [high, low] = twoBytes(yield 2);
  const port = high << 8 | low;
  if (command === UDP_ASSOCIATE) {
    // Any name will do: PySocks sends "0".
    return { command: "udp-associate", source: host === null || !isIp(host) ? null : { host, port } };
  }
  if (host === null) throw new Socks5Error("invalid host name", Reply.GeneralFailure);
  if (port === 0) throw new Socks5Error("port 0 is invalid", Reply.GeneralFailure);
  return { command: "connect", destination: { host, port } };
}

function* decodeHost(type: number): Decoder<string | null> {
  switch (type) {
    case AddressType.Ipv4:
      return bytesHost(yield 4);
    case AddressType.Ipv6:
      return bytesHost(yield 16);
    case AddressType.Name: {
      const [length] = yield 1;
      if (length === 0) return null;
      return destinationHost(String.fromCharCode(...yield length!));
    }
    default:
      throw new Socks5Error(`address type ${type} is not supported`, Reply.AddressTypeNotSupported);
  }
}

/**
 * Encodes the reply to a request.
 *
 * @param bound Address of the UDP relay, its host an IP address. Default: 0.0.0.0:0, so that the address bound at the far
 * end of a connection is not disclosed.
 */
export function encodeReply(reply: Reply, bound: Address = NONE): Uint8Array {
  const host = hostBytes(bound.host)!, type = host.length === 4 ? AddressType.Ipv4 : AddressType.Ipv6;
  return Uint8Array.of(VERSION, reply, 0, type, ...host, bound.port >> 8, bound.port);
}

function twoBytes(bytes: Uint8Array): [number, number] {
  const [a = 0, b = 0] = bytes;
  return [a, b];
}

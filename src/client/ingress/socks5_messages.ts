/**
 * SOCKS version 5 as bytes (RFC 1928), and its user names and passwords (RFC 1929). Pure.
 *
 * @module
 */
import type { Address } from "../../net/address.ts";
import { bytesHost } from "../../net/ip.ts";
import { type Decoder, WireError } from "../../wire/decoder.ts";
import { destinationHost } from "./destination_host.ts";

/** How a client may prove who it is. */
export enum Method {
  /** Not at all. */
  None = 0,
  /** By user name and password (RFC 1929). */
  Password = 2,
  /** The server's answer when nothing that the client offers will do. */
  Unacceptable = 255,
}

/** The server's answer to a request (RFC 1928, section 6). */
export enum Reply {
  /** The client is connected. */
  Succeeded = 0,
  /** Something else than what has a number of its own. */
  GeneralFailure = 1,
  /** By rule. */
  NotAllowed = 2,
  /** No route. */
  NetworkUnreachable = 3,
  /** No answer. */
  HostUnreachable = 4,
  /** By the host. */
  ConnectionRefused = 5,
  /** Another command than CONNECT. */
  CommandNotSupported = 7,
  /** An address neither of IPv4, nor of IPv6, nor a name. */
  AddressTypeNotSupported = 8,
}

/** A request that has to be answered with a failure. */
export class Socks5Error extends WireError {
  /** An error in words; `reply` is the answer that is due. */
  constructor(message: string, readonly reply: Reply) {
    super(message);
  }
}

const VERSION = 5;
const PASSWORD_VERSION = 1;
const CONNECT = 1;
const IPV4 = 1, NAME = 3, IPV6 = 4;

/**
 * Decodes a client's first message: the methods that it offers.
 *
 * @throws {WireError} When it speaks another version.
 */
export function* decodeMethods(): Decoder<Uint8Array> {
  const [version, count] = twoBytes(yield 2);
  if (version !== VERSION) throw new WireError(`no SOCKS5: a message of version ${version}`);
  return count === 0 ? new Uint8Array(0) : (yield count).slice();
}

/** Encodes which method is to be used. */
export function encodeMethod(method: Method): Uint8Array {
  return Uint8Array.of(VERSION, method);
}

/**
 * Decodes a user name and a password; either may be empty.
 *
 * @throws {WireError} When the message is of another version.
 */
export function* decodePassword(): Decoder<{ readonly user: Uint8Array; readonly password: Uint8Array }> {
  const [version, userLength] = twoBytes(yield 2);
  if (version !== PASSWORD_VERSION) throw new WireError(`a password message of version ${version}`);
  // With the name comes the password's length.
  const name = yield userLength + 1;
  const user = name.slice(0, userLength), passwordLength = name[userLength]!;
  const password = passwordLength === 0 ? new Uint8Array(0) : (yield passwordLength).slice();
  return { user, password };
}

/** Encodes whether the password is right. */
export function encodePasswordStatus(right: boolean): Uint8Array {
  return Uint8Array.of(PASSWORD_VERSION, right ? 0 : 1);
}

/**
 * Decodes a request to connect. A host that is sent as a name may be an address in letters.
 *
 * @throws {Socks5Error} When it asks for what can't be, as early as that shows.
 * @throws {WireError} When it is of another version.
 */
export function* decodeRequest(): Decoder<Address> {
  const [version, command, reserved, type] = yield 4;
  if (version !== VERSION) throw new WireError(`a request of version ${version}`);
  if (command !== CONNECT) {
    throw new Socks5Error(`command ${command}; only CONNECT is done`, Reply.CommandNotSupported);
  }
  if (reserved !== 0) throw new Socks5Error("a reserved byte that is not 0", Reply.GeneralFailure);
  const host = yield* decodeHost(type!);
  const [high, low] = twoBytes(yield 2);
  const port = high << 8 | low;
  if (host === null) throw new Socks5Error("a host name that is none", Reply.GeneralFailure);
  if (port === 0) throw new Socks5Error("port 0", Reply.GeneralFailure);
  return { host, port };
}

function* decodeHost(type: number): Decoder<string | null> {
  switch (type) {
    case IPV4:
      return bytesHost(yield 4);
    case IPV6:
      return bytesHost(yield 16);
    case NAME: {
      const [length] = yield 1;
      if (length === 0) return null;
      return destinationHost(String.fromCharCode(...yield length!));
    }
    default:
      throw new Socks5Error(`an address of type ${type}`, Reply.AddressTypeNotSupported);
  }
}

/** Encodes the answer to a request. The address that is bound at the far end is nobody's business: 0.0.0.0:0. */
export function encodeReply(reply: Reply): Uint8Array {
  return Uint8Array.of(VERSION, reply, 0, IPV4, 0, 0, 0, 0, 0, 0);
}

function twoBytes(bytes: Uint8Array): [number, number] {
  const [a = 0, b = 0] = bytes;
  return [a, b];
}

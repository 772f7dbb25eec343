import type { Key } from "../identify/key.ts";
import { Method } from "../wire/identify.ts";

/** Keys of a client for one server. */
export interface ServerCredentials {
  /** The server's key, able to verify. */
  readonly serverKey: Key;
  /** The client's key, able to sign; null if the client stays anonymous. An HMAC key is both. */
  readonly clientKey: Key | null;
}

/** Keys of a client handler. */
export interface Credentials {
  /** By the names of configured servers. */
  readonly servers: ReadonlyMap<string, ServerCredentials>;
  /** The client's key for all other servers whose key is known; null if it has none. */
  readonly clientKey: Key | null;
}

/** Credentials of a client without keys. */
export const NO_CREDENTIALS: Credentials = { servers: new Map(), clientKey: null };

/** Combines a server's key with the client's key. */
export function credentialsFor(serverKey: Key, clientKey: Key | null): ServerCredentials {
  return { serverKey, clientKey: serverKey.method === Method.HmacSha256 ? serverKey : clientKey };
}

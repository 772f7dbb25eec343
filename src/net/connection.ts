import type { Address, ChannelAddress } from "./address.ts";

/**
 * A TCP connection, real or in memory.
 *
 * The holder owns it and ends it once, with {@linkcode Connection.close} or {@linkcode Connection.reset}; further calls of
 * either have no effect. At most one `read` and one `write` may be pending at a time; ending the connection settles both.
 */
export interface Connection {
  /** Address of this end. */
  readonly local: Address;
  /** Address of the other end. */
  readonly remote: Address;
  /** Number of the transport protocol (IANA): 6 is TCP. Undefined if unknown. */
  readonly protocol?: number | undefined;
  /**
   * Reads at least one byte into `into`, which belongs to the connection until the promise settles.
   *
   * @returns The number of bytes read, or null when the other end has half-closed.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes some of `bytes`, which belong to the connection until the promise settles.
   *
   * @returns The number of bytes written, at least one of a non-empty `bytes`; use `writeAll` for all.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** True when sent bytes have been unacknowledged for a while, so that the path seems to be down. */
  readonly stalled?: boolean;
  /**
   * Makes the connection fail when the other end's host vanishes, if the system supports it.
   *
   * @param idle Milliseconds without a byte from the other end after which it is probed; without an answer for as long
   * again, the connection fails. Shorter settings of the system win.
   */
  keepAlive?(idle: number): void;
  /** Half-closes: the other end reads null after all bytes written; reading continues. */
  closeWrite(): Promise<void>;
  /** Ends the connection in order: bytes written still arrive. */
  close(): void;
  /** Aborts the connection: the other end sees a reset, and bytes in flight may be lost. */
  reset(): void;
}

/** Accepts connections at an address. */
export interface Listener {
  /** Listening address, with the actual port if 0 was requested. */
  readonly address: Address;
  /** Transport protocols (IANA numbers) of the listening sockets; none if unknown. */
  readonly protocols?: readonly number[];
  /**
   * Waits for the next connection, which the caller then owns. Connections that ended in the queue are skipped.
   *
   * @returns The connection, or null after {@linkcode Listener.close}.
   * @throws When the system has run out of files or memory; the caller may retry.
   */
  accept(): Promise<Connection | null>;
  /**
   * Refuses new connections while those in the queue can still be accepted; closing would reset them.
   *
   * @returns False if the system can't.
   */
  hold?(): boolean;
  /** Stops listening. Accepted connections are unaffected. */
  close(): void;
}

/** Makes connections and listeners: the system's (`systemNetwork`), or one in memory for tests. */
export interface Network {
  /**
   * Connects to `to`, by its way if it has one.
   *
   * @param signal Cancels; a connection established too late is closed.
   * @throws The system's error, the signal's reason, or the reason why the connection did not take its way.
   */
  connect(to: ChannelAddress, signal?: AbortSignal): Promise<Connection>;
  /**
   * Listens at `at`.
   *
   * @param shared Allows other listeners there that are shared, too; each connection goes to one of them. Default: false.
   * @throws The system's error, for example that the address is in use.
   */
  listen(at: Address, shared?: boolean): Listener;
}

/**
 * Writes all of `bytes`.
 *
 * @throws The error of `connection.write`.
 */
export async function writeAll(connection: Pick<Connection, "write">, bytes: Uint8Array): Promise<void> {
  let written = await connection.write(bytes);
  while (written < bytes.length) written += await connection.write(bytes.subarray(written));
}

/**
 * Fills all of `into`.
 *
 * @throws The error of `connection.read`, or {@linkcode Deno.errors.UnexpectedEof} if the other end half-closes first.
 */
export async function readFull(connection: Connection, into: Uint8Array): Promise<void> {
  for (let filled = 0; filled < into.length;) {
    const length = await connection.read(into.subarray(filled));
    if (length === null) throw new Deno.errors.UnexpectedEof("closed by the other side");
    filled += length;
  }
}

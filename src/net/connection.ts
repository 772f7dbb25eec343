import type { Address } from "./address.ts";

/**
 * One TCP connection, or what stands for one in a test.
 *
 * Whoever holds it owns it and ends it once, with {@linkcode Connection.close} or {@linkcode Connection.reset}; both may
 * be called again without effect. At most one `read` and one `write` are under way at a time; ending the connection
 * settles both.
 */
export interface Connection {
  /** This end's address. */
  readonly local: Address;
  /** The other end's address. */
  readonly remote: Address;
  /** Number of its transport protocol (IANA): 6 is TCP. Undefined where that can't be told. */
  readonly protocol?: number | undefined;
  /**
   * Reads what is there, at least one byte, into `into`, which is the connection's until the promise settles.
   *
   * @returns The number of bytes read, or null when the other end has half-closed.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes some of `bytes`, which are the connection's until the promise settles.
   *
   * @returns How many were taken, at least one of a non-empty `bytes`; use `writeAll` for all.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Whether bytes that were sent have not been answered for a while, so that its path seems to have stopped. */
  readonly stalled?: boolean;
  /**
   * Has it fail, where the system can do that, when the other end's host has vanished.
   *
   * @param idle The other end is probed after this time without a byte from it, in milliseconds, and has vanished if it
   * answers nothing for as long again. What the system does sooner, it does.
   */
  keepAlive?(idle: number): void;
  /** Half-closes: the other end reads null after what was written; reading goes on. */
  closeWrite(): Promise<void>;
  /** Ends the connection in order: what was written still arrives. */
  close(): void;
  /** Aborts the connection: the other end sees a reset, and what was on its way may be lost. */
  reset(): void;
}

/** Takes connections at an address. */
export interface Listener {
  /** Where it listens; the port is the real one where 0 was asked for. */
  readonly address: Address;
  /** Numbers of the transport protocols (IANA) of what listens there; none where that can't be told. */
  readonly protocols?: readonly number[];
  /**
   * Waits for the next connection, which is then the caller's. One that ends before it is accepted is passed over.
   *
   * @returns The connection, or null after {@linkcode Listener.close}.
   * @throws When the system has run out of files or memory; accepting may go on after it.
   */
  accept(): Promise<Connection | null>;
  /**
   * Lets no connection begin any more, and gives those that have begun: closing would reset what is in the queue.
   *
   * @returns False where the system can't.
   */
  hold?(): boolean;
  /** Stops listening. Connections accepted before are untouched. */
  close(): void;
}

/** Makes connections and listeners: the system's (`systemNetwork`), or one in memory for tests. */
export interface Network {
  /**
   * Connects to `to`.
   *
   * @param signal Gives up; a connection that comes too late is closed.
   * @throws What the system reports, or the signal's reason.
   */
  connect(to: Address, signal?: AbortSignal): Promise<Connection>;
  /**
   * Listens at `at`.
   *
   * @param shared Whether others may listen there who say so too: each connection is one of theirs. Default: false.
   * @throws What the system reports, for example that the address is in use.
   */
  listen(at: Address, shared?: boolean): Listener;
}

/**
 * Writes all of `bytes`.
 *
 * @throws What `connection.write` throws.
 */
export async function writeAll(connection: Pick<Connection, "write">, bytes: Uint8Array): Promise<void> {
  let written = await connection.write(bytes);
  while (written < bytes.length) written += await connection.write(bytes.subarray(written));
}

/**
 * Fills all of `into`.
 *
 * @throws What `connection.read` throws, or {@linkcode Deno.errors.UnexpectedEof} when the other end half-closes before.
 */
export async function readFull(connection: Connection, into: Uint8Array): Promise<void> {
  for (let at = 0; at < into.length;) {
    const length = await connection.read(into.subarray(at));
    if (length === null) throw new Deno.errors.UnexpectedEof("closed by the other side");
    at += length;
  }
}

import type { ByteBudget } from "../net/byte_budget.ts";
import type { Chunk } from "../net/chunk.ts";
import { type Connection, writeAll } from "../net/connection.ts";
import { encodeCount } from "../wire/rejoin.ts";
import { ShareLog } from "./share_log.ts";

/** Limits on the shares that are kept until the other side has joined them. */
export interface KeepingLimits {
  /** Maximum number of bytes of this channel and direction. */
  readonly bytes: number;
  /** Bounds all channels together; the same one at all times. */
  readonly budget: ByteBudget;
}

/**
 * Called when a connection fails.
 *
 * @returns null if the channel is joined again; the error to fail with otherwise.
 */
export type Lost = (cause: unknown) => Error | null;

/**
 * Sends the shares of one channel over one connection after another. It keeps those that the other side has not joined, so
 * that what an old connection lost is sent again on the next one: the same bytes, at the same place.
 *
 * All numbers count bytes of shares since the association began; unless these are short, they are those of the message.
 */
export class ShareSender {
  /** Number of bytes that connections have accepted, those sent again included. */
  accepted = 0;
  readonly #lost: Lost;
  #connection: Connection | null;
  readonly #log = new ShareLog();
  #keeping: KeepingLimits | null = null;
  /** Gets back what counted pieces have taken. */
  #budget: ByteBudget | null = null;
  /** Next byte to send. */
  #position = 0;
  /** Bytes below it may be dropped once they are sent. */
  #floor = 0;
  /** Offset to send first on the present connection. */
  #announcement: Uint8Array | null = null;
  #sending: Promise<void> | null = null;
  /** The connection of the write that {@linkcode ShareSender.#begin} started. */
  #writing: Connection | null = null;
  // One function each, rather than one for each share.
  readonly #onWritten = (length: number): Promise<void> | void => {
    this.#wrote(this.#writing!, length);
    if (this.#hasMore) return this.#send();
    this.#sending = null;
  };
  readonly #onWriteError = (cause: unknown): Promise<void> => {
    try {
      this.#failed(this.#writing!, cause);
    } catch (error) {
      this.#sending = null;
      throw error;
    }
    return this.#send();
  };
  #resumed: PromiseWithResolvers<void> | null = null;
  #stopped: Error | null = null;

  /**
   * Creates a sender that has sent nothing.
   *
   * @param connection Its owner ends it; nothing else may write to it.
   */
  constructor(connection: Pick<Connection, "write" | "closeWrite">, lost: Lost) {
    this.#connection = connection as Connection;
    this.#lost = lost;
  }

  /** True if the budget did not cover the last share. */
  isOverdrawn = false;

  /** Number of bytes given to it. */
  get end(): number {
    return this.#log.end;
  }

  /** Number of bytes of all shares that it has dropped: the first that can be sent again. */
  get from(): number {
    return this.#log.from;
  }

  /** Number of bytes that wait for a connection to accept them. */
  get behind(): number {
    return this.end - this.#position;
  }

  /** Keeps shares from now on; null drops what is kept, and keeps no more. */
  keep(limits: KeepingLimits | null): void {
    this.#keeping = limits;
    this.#budget ??= limits?.budget ?? null;
    this.#trim();
  }

  /** Sends a share, whose holding it takes over. Resolves when everything so far is accepted; rejects once it is stopped. */
  send(share: Chunk): Promise<void> {
    const { length } = share.bytes, limits = this.#keeping;
    if (this.#stopped !== null) {
      share.release();
      return Promise.reject(this.#stopped);
    }
    const counted = limits?.budget.take(length) ?? false;
    this.#log.push(share, limits !== null, counted);
    if (limits !== null) {
      // Without this one, earlier ones would be of no use.
      if (!counted) this.#floor = this.end;
      this.isOverdrawn = !counted;
    }
    return this.#sending ??= this.#begin();
  }

  /** Notes that the other side has joined all bytes below an offset, which need not be kept. */
  joined(offset: number): void {
    this.#floor = Math.max(this.#floor, offset);
    this.#trim();
  }

  /** Half-closes the channel when everything is sent. */
  async closeWrite(): Promise<void> {
    await this.#sending;
    const connection = this.#connection;
    if (connection === null) {
      await this.#resumed!.promise;
      return this.closeWrite();
    }
    try {
      await connection.closeWrite();
    } catch (cause) {
      const error = connection === this.#connection ? this.#lost(cause) : null;
      if (error !== null) throw error;
      return this.closeWrite();
    }
  }

  /** Stops sending until {@linkcode ShareSender.resume}: the connection has been ended. */
  pause(): void {
    this.#connection = null;
    this.#resumed ??= Promise.withResolvers();
    // Nobody may be waiting when it is stopped.
    this.#resumed.promise.catch(() => {});
  }

  /**
   * Goes on over another connection.
   *
   * @param received Number of bytes that the other side has received.
   * @param announced True if the connection begins with the offset of what it brings, which may lie behind what was received.
   * @throws {RangeError} If the bytes from there on are not kept, or were never sent.
   */
  resume(connection: Connection, received: number, announced = false): void {
    const offset = announced ? Math.max(received, this.from) : received;
    if (offset < this.from || received > this.end) {
      throw new RangeError(`it needs the bytes from ${received} on; ${this.from} to ${this.end} are kept`);
    }
    this.#connection = connection;
    this.#position = offset;
    this.#announcement = announced ? encodeCount(offset) : null;
    this.#resumed?.resolve();
    this.#resumed = null;
    // Its failure is the association's, which has been told.
    if (this.#position < this.end || announced) (this.#sending ??= this.#send()).catch(() => {});
  }

  /** Ends, as the connection has been ended for good. Shares that a write may be using are left to the garbage collector. */
  stop(error: Error): void {
    this.#stopped = error;
    this.#resumed?.reject(error);
    this.keep(null);
    this.#budget?.give(this.#log.counted);
    this.#budget = null;
  }

  get #hasMore(): boolean {
    return this.#position < this.end || this.#announcement !== null;
  }

  /** Starts to send. A share that is alone, as most are, takes no async function, which would cost three times the memory. */
  #begin(): Promise<void> {
    const connection = this.#connection;
    if (connection === null || this.#announcement !== null) return this.#send();
    this.#writing = connection;
    return connection.write(this.#log.view(this.#position)).then(this.#onWritten, this.#onWriteError);
  }

  async #send(): Promise<void> {
    try {
      while (this.#hasMore) {
        const connection = this.#connection;
        if (connection === null) {
          await this.#resumed!.promise;
          continue;
        }
        if (this.#announcement !== null) {
          await this.#announce(connection);
          continue;
        }
        let length: number;
        try {
          length = await connection.write(this.#log.view(this.#position));
        } catch (cause) {
          this.#failed(connection, cause);
          continue;
        }
        this.#wrote(connection, length);
      }
    } finally {
      this.#sending = null;
    }
  }

  #wrote(connection: Connection, length: number): void {
    this.accepted += length;
    // Otherwise it was written to a connection that has been given up, and is sent again.
    if (connection !== this.#connection) return;
    this.#position += length;
    this.#trim();
  }

  /** Throws the error of a failed write, unless the channel goes on with another connection. */
  #failed(connection: Connection, cause: unknown): void {
    const error = connection === this.#connection ? this.#lost(cause) : null;
    if (error !== null) throw error;
  }

  async #announce(connection: Connection): Promise<void> {
    const announcement = this.#announcement!;
    try {
      await writeAll(connection, announcement);
    } catch (cause) {
      this.#failed(connection, cause);
    }
    if (this.#announcement === announcement) this.#announcement = null;
  }

  /** Drops all that waits, as the other side goes on without it: the connection has been given up. */
  skip(): void {
    this.#floor = this.#position = this.end;
    this.#trim();
  }

  /** Drops what has been sent and need not be kept. */
  #trim(): void {
    const limits = this.#keeping;
    const floor = Math.max(this.#floor, limits === null ? this.end : this.end - limits.bytes);
    this.#log.drop(Math.min(this.#position, floor), this.#budget);
  }
}

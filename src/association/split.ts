import type { Connection } from "../net/connection.ts";
import type { PadSource } from "../sharing/pads.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";

/** Tells that channel `index` failed, and makes the error that the stream then has. */
export type ChannelFailed = (index: number, cause: unknown) => Error;

/** Where message bytes leave. */
export interface Outlet {
  /** Takes message bytes. */
  readonly writable: WritableStream<Uint8Array>;
  /** How many bytes each channel has taken, to look at. */
  readonly sent: readonly number[];
  /** How many bytes are on their way or have left: what each channel will have taken in the end. */
  readonly offered: number;
  /** Resolves when all that was written so far has left for the channels; rejects when a channel failed before. */
  flushed(): Promise<void>;
}

/**
 * The outgoing half of an association: splits message bytes and sends one share of them over each channel, on all at
 * once (paper, section III-E). The slowest channel sets the pace.
 *
 * A chunk of at most 524,324 bytes, a whole DATA frame, is only read, and lent to the stream until its `write` settles;
 * by then it is split, and its shares are on their way. Closing half-closes every channel after what was written. Memory:
 * the shares of two chunks, of which one is being sent while the other is split.
 *
 * Splitting and sending are one sink, and not a transform and a sink with a pipe between: of the 15 microseconds that a
 * small message takes from one association to the other, that saves 6.
 */
export function splitInto(
  connections: readonly Connection[],
  scheme: Scheme,
  pads: PadSource,
  failed: ChannelFailed,
): Outlet {
  /** Settles when the shares of the last chunk, and so of all before, have been written. */
  let last: Promise<void> = Promise.resolve();
  let failure: Error | null = null;
  const sent = connections.map(() => 0);
  let offered = 0;

  const send = async (connection: Connection, index: number, share: Uint8Array): Promise<void> => {
    try {
      for (let rest = share;;) {
        const length = await connection.write(rest);
        sent[index]! += length;
        if (length === rest.length) return;
        rest = rest.subarray(length);
      }
    } catch (cause) {
      throw failure ??= failed(index, cause);
    }
  };
  const sendShares = async (shares: readonly Uint8Array[], buffers: readonly Uint8Array[]): Promise<void> => {
    await Promise.all(connections.map((connection, index) => send(connection, index, shares[index]!)));
    // Only now: a failed write may leave another channel's under way, and its buffer must not serve again.
    buffers.forEach(giveBuffer);
  };
  const closeWrite = async (connection: Connection, index: number): Promise<void> => {
    try {
      await connection.closeWrite();
    } catch (cause) {
      throw failure ??= failed(index, cause);
    }
  };

  const writable = new WritableStream<Uint8Array>({
    async write(message) {
      // Shares start where the message does in its word, as Scheme asks.
      const start = message.byteOffset % 8, end = start + message.length;
      const buffers = connections.map(() => takeBuffer(end));
      const shares = buffers.map((buffer) => buffer.subarray(start, end));
      scheme.split(message, shares, pads);
      await last;
      offered += message.length;
      last = sendShares(shares, buffers);
      // Who does not ask whether a chunk has left meets its failure in the next write.
      last.catch(() => {});
    },
    async close() {
      await last;
      await Promise.all(connections.map(closeWrite));
    },
  });
  return {
    writable,
    flushed: () => last,
    sent,
    get offered() {
      return offered;
    },
  };
}

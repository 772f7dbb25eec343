import { type Connection, writeAll } from "../net/connection.ts";
import type { PadSource } from "../sharing/pads.ts";
import type { Scheme } from "../sharing/scheme.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";

/** The shares of one piece of message: what was taken from the stock, and which part of each buffer is share. */
interface Shares {
  /** Settles when they have been written, or can't be. */
  readonly left: PromiseWithResolvers<void>;
  readonly buffers: readonly Uint8Array[];
  readonly start: number;
  readonly end: number;
}

/** How many pieces may be under way at once: one is written while the next is split. */
const PIECES_UNDER_WAY = 2;

/**
 * A transform from message bytes to the shares of each piece (paper, section III-E). A piece is only read, and is its
 * writer's again when `write` has settled.
 */
function splitter(
  channels: number,
  scheme: Scheme,
  pads: PadSource,
  underWay: Set<PromiseWithResolvers<void>>,
): TransformStream<Uint8Array, Shares> {
  return new TransformStream({
    transform(message, controller) {
      // Shares start where the message does in its word, as Scheme asks.
      const start = message.byteOffset % 8, end = start + message.length;
      const buffers = Array.from({ length: channels }, () => takeBuffer(end));
      scheme.split(message, buffers.map((buffer) => buffer.subarray(start, end)), pads);
      const left = Promise.withResolvers<void>();
      // Who does not ask whether a piece has left meets its failure in the next write.
      left.promise.catch(() => {});
      underWay.add(left);
      controller.enqueue({ buffers, start, end, left });
    },
  });
}

/** Writes share i of every piece to channel i, on all channels at once: the slowest sets the pace. */
function sender(
  connections: readonly Connection[],
  failed: ChannelFailed,
  underWay: Set<PromiseWithResolvers<void>>,
): WritableStream<Shares> {
  const onEach = (action: (connection: Connection, index: number) => Promise<void>): Promise<unknown> =>
    Promise.all(connections.map(async (connection, index) => {
      try {
        await action(connection, index);
      } catch (cause) {
        throw failed(index, cause);
      }
    }));
  return new WritableStream<Shares>({
    async write({ buffers, start, end, left }) {
      await onEach((connection, index) => writeAll(connection, buffers[index]!.subarray(start, end)));
      // Only now: a failed write may leave another channel's under way, and its buffer must not serve again.
      buffers.forEach(giveBuffer);
      underWay.delete(left);
      left.resolve();
    },
    async close() {
      await onEach((connection) => connection.closeWrite());
    },
  }, { highWaterMark: PIECES_UNDER_WAY });
}

/** Tells that channel `index` failed, and makes the error that the stream then has. */
export type ChannelFailed = (index: number, cause: unknown) => Error;

/** Where message bytes leave. */
export interface Outlet {
  /** Takes message bytes. */
  readonly writable: WritableStream<Uint8Array>;
  /** Resolves when all that was written so far has left for the channels; rejects when a channel failed before. */
  flushed(): Promise<void>;
}

/**
 * The outgoing half of an association: takes message bytes, sends one share of them over each channel.
 *
 * A chunk of at most 262,180 bytes, a whole DATA frame, is lent to the stream until its `write` settles. Closing
 * half-closes every channel after what was written. Memory: the shares of {@linkcode PIECES_UNDER_WAY} pieces and one
 * more.
 */
export function splitInto(
  connections: readonly Connection[],
  scheme: Scheme,
  pads: PadSource,
  failed: ChannelFailed,
): Outlet {
  const underWay = new Set<PromiseWithResolvers<void>>();
  const { readable, writable } = splitter(connections.length, scheme, pads, underWay);
  // What fails in the pipe errors `writable`, where the writer sees it.
  readable.pipeTo(sender(connections, failed, underWay)).catch((error) => {
    for (const left of underWay) left.reject(error);
  });
  return { writable, flushed: async () => void await Promise.all([...underWay].map((left) => left.promise)) };
}

import { giveBatch, takeBatch } from "./batch_pool.ts";
import { DatagramBatch } from "./datagram.ts";

/** Datagrams that a socket has room for while few arrive: there may be thousands that are idle. */
const MIN_CAPACITY = 2;

/** The same in a flood. */
const MAX_CAPACITY = 64;

/** Factor by which the room grows when it was full. */
const GROWTH = 8;

/**
 * The room that a socket receives into: small while it waits, larger only from one full batch to the next, whose memory all
 * sockets of a thread share.
 *
 * ```ts ignore
 * for (let count = await socket.receive(room.batch); count > 0; count = await socket.receive(room.after(count))) use(room.batch);
 * ```
 */
export class ReceiveRoom {
  readonly #small: DatagramBatch;
  #batch: DatagramBatch;

  /** Makes room. @param size Longest datagram, in bytes. */
  constructor(size: number) {
    this.#small = this.#batch = new DatagramBatch(MIN_CAPACITY, size);
  }

  /** The batch to receive into, or that holds what has arrived. */
  get batch(): DatagramBatch {
    return this.#batch;
  }

  /** The batch to receive into next. @param count Number of datagrams that have arrived, and been used. */
  after(count: number): DatagramBatch {
    const { capacity, size } = this.#batch;
    if (count < capacity) return this.#change(this.#small);
    return capacity < MAX_CAPACITY
      ? this.#change(takeBatch(Math.min(GROWTH * capacity, MAX_CAPACITY), size))
      : this.#batch;
  }

  /** Gives back what is shared. Nothing may be received any more. */
  close(): void {
    this.#change(this.#small);
  }

  #change(batch: DatagramBatch): DatagramBatch {
    if (this.#batch !== this.#small && this.#batch !== batch) giveBatch(this.#batch);
    return this.#batch = batch;
  }
}

import { giveBatch, takeBatch } from "./batch_pool.ts";
import type { DatagramBatch, DatagramSocket } from "./datagram.ts";
import { copyEndpoint, type Endpoint, ENDPOINT_WORDS } from "./endpoint.ts";
import { countUnsent, type SendCounts } from "./send_counts.ts";

/** Datagrams that leave in one call at most. */
const CAPACITY = 32;

/** Writers with something to send at a time: a turn's datagrams may be those of thousands, and a batch is large. */
const MAX_WAITING = 8;

/** Those of a thread, oldest first. */
const waiting = new Set<DatagramWriter>();

/** Sends datagrams on a socket, those of one turn of the event loop in one call. What can't be sent is lost. */
export class DatagramWriter {
  readonly #socket: DatagramSocket;
  readonly #size: number;
  readonly #counts: SendCounts;
  /** Only while something waits. */
  #batch: DatagramBatch | null = null;
  #count = 0;

  /**
   * Creates a writer with nothing to send.
   *
   * @param socket Closed by its owner.
   * @param size Longest datagram, in bytes.
   * @param counts Gets what can't be sent.
   */
  constructor(socket: DatagramSocket, size: number, counts: SendCounts) {
    this.#socket = socket;
    this.#size = size;
    this.#counts = counts;
  }

  /**
   * Sends a datagram at the end of the turn.
   *
   * @param remote Address to send to.
   * @param local Address to send from; null for the system's choice.
   * @param parts Its bytes, in parts; copied.
   * @param trafficClass DSCP and ECN.
   * @returns False if it is longer than `size`, and lost.
   */
  add(remote: Endpoint, local: Endpoint | null, parts: readonly Uint8Array[], trafficClass: number): boolean {
    if (this.#count === CAPACITY) this.#flush();
    const batch = this.#batch ??= this.#begin();
    const index = this.#count, slot = batch.slot(index);
    let length = 0;
    for (const part of parts) {
      if (length + part.length > slot.length) {
        this.#counts.tooLarge++;
        return false;
      }
      slot.set(part, length);
      length += part.length;
    }
    batch.lengths[index] = length;
    batch.classes[index] = trafficClass;
    const at = index * ENDPOINT_WORDS;
    copyEndpoint(remote, 0, batch.remotes, at);
    if (local === null) batch.locals.fill(0, at, at + ENDPOINT_WORDS);
    else copyEndpoint(local, 0, batch.locals, at);
    if (this.#count++ === 0) queueMicrotask(() => this.#flush());
    return true;
  }

  #begin(): DatagramBatch {
    if (waiting.size === MAX_WAITING) waiting.values().next().value!.#flush();
    waiting.add(this);
    return takeBatch(CAPACITY, this.#size);
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === null) return;
    waiting.delete(this);
    if (this.#socket.send(batch, this.#count) < this.#count) countUnsent(batch, this.#count, this.#counts);
    this.#count = 0;
    this.#batch = null;
    giveBatch(batch);
  }
}

import { giveBatch, takeBatch } from "./batch_pool.ts";
import { DatagramBatch, type DatagramSocket } from "./datagram.ts";

/** Datagrams that a socket has room for while it waits: there may be thousands that are idle. */
const MIN_CAPACITY = 2;

/** Datagrams that are taken after those, in memory that all sockets of a thread share. */
const MAX_CAPACITY = 64;

/**
 * Takes all datagrams that arrive at a socket until it is closed. For one of many sockets: it holds room for two of them.
 *
 * @param size Longest datagram, in bytes.
 * @param take Called for each; the batch is valid during the call only.
 */
export async function receiveAll(
  socket: DatagramSocket,
  size: number,
  take: (batch: DatagramBatch, index: number) => void,
): Promise<void> {
  const small = new DatagramBatch(MIN_CAPACITY, size);
  for (let count = await socket.receive(small); count > 0; count = await socket.receive(small)) {
    for (let index = 0; index < count; index++) take(small, index);
    if (count < MIN_CAPACITY) continue;
    const large = takeBatch(MAX_CAPACITY, size);
    const more = socket.receiveNow(large);
    for (let index = 0; index < more; index++) take(large, index);
    giveBatch(large);
  }
}

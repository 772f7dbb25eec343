import { DatagramBatch } from "../net/datagram.ts";

/** Datagrams that leave in one call at most. */
export const SEND_CAPACITY = 64;

/** Sizes that are kept: paths have few different MTUs. */
const MAX_SIZES = 4;

const bySize = new Map<number, DatagramBatch[]>();

/**
 * Batches for the packets of all channels, shared by all links of a thread: a link fills and sends them without waiting, and
 * nothing of them is kept.
 *
 * @param size Longest packet, in bytes.
 * @returns One for each channel, of {@linkcode SEND_CAPACITY}; the caller's until it waits for anything.
 */
export function sendBatches(channels: number, size: number): readonly DatagramBatch[] {
  const batches = bySize.get(size) ?? [];
  bySize.delete(size);
  bySize.set(size, batches);
  if (bySize.size > MAX_SIZES) bySize.delete(bySize.keys().next().value!);
  while (batches.length < channels) batches.push(new DatagramBatch(SEND_CAPACITY, size));
  return batches.length === channels ? batches : batches.slice(0, channels);
}

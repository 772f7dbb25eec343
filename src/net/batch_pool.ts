import { DatagramBatch } from "./datagram.ts";

/** Batches of a kind that are kept. */
const MAX_FREE = 8;

/** Kinds that are kept: there are few sizes and capacities. */
const MAX_KINDS = 16;

/** Batches that nobody uses now, by capacity and size. */
const free = new Map<string, DatagramBatch[]>();

/** Takes a batch that others of the thread have used, or a new one; its contents are anything. */
export function takeBatch(capacity: number, size: number): DatagramBatch {
  return free.get(`${capacity} ${size}`)?.pop() ?? new DatagramBatch(capacity, size);
}

/** Gives a batch back, which its holder uses no more. */
export function giveBatch(batch: DatagramBatch): void {
  const kind = `${batch.capacity} ${batch.size}`, kept = free.get(kind) ?? [];
  if (kept.length === MAX_FREE || !free.has(kind) && free.size === MAX_KINDS) return;
  kept.push(batch);
  free.set(kind, kept);
}

import { SERVER_ID_LENGTH, type Workers } from "../wire/workers.ts";
import { OwnConnections } from "../net/own_connections.ts";

/** How many there are of something, counted by all workers; in memory that they share where there are several. */
export class Count {
  readonly #cell: Int32Array;

  /** Takes a cell of 4 bytes over, whatever it counts already. Default: one of its own, 0. */
  constructor(cell: Int32Array = new Int32Array(1)) {
    this.#cell = cell;
  }

  /** How many there are now. */
  get value(): number {
    return Atomics.load(this.#cell, 0);
  }

  /** So many more, or fewer. */
  add(change: number): void {
    Atomics.add(this.#cell, 0, change);
  }
}

/** The workers of a process, event loops that each run a handler, as one of them sees them. */
export interface WorkerGroup {
  /** Which one it is, from 0. */
  readonly index: number;
  /** How many there are. */
  readonly count: number;
  /** Tells this start of a server handler from others. */
  readonly id: Uint8Array;
  /** What all of them carry: sessions of a client, associations of a server. */
  readonly carried: Count;
  /** The connections that a client's workers have made; left out where there is but one. */
  readonly paths?: OwnConnections;
}

/** A crew of one. */
export function single(): WorkerGroup {
  return { index: 0, count: 1, id: new Uint8Array(SERVER_ID_LENGTH), carried: new Count() };
}

/** What a crew has in common, in the form in which it is sent to each worker. */
export interface WorkerGroupMemory {
  /** How many workers there are. */
  readonly count: number;
  /** As {@linkcode WorkerGroup.id}. */
  readonly id: Uint8Array;
  /** The cell of {@linkcode WorkerGroup.carried}. */
  readonly carried: Int32Array;
  /** The cells of {@linkcode WorkerGroup.paths}. */
  readonly paths: Int32Array;
}

/** Makes what a crew has in common. @param count How many workers there are, at least 2. */
export function workerGroupMemory(count: number): WorkerGroupMemory {
  return {
    count,
    id: crypto.getRandomValues(new Uint8Array(SERVER_ID_LENGTH)),
    carried: new Int32Array(new SharedArrayBuffer(4)),
    paths: new Int32Array(new SharedArrayBuffer(OwnConnections.SIZE)),
  };
}

/** A crew, as its worker with that number sees it. */
export function joinWorkerGroup({ count, id, carried, paths }: WorkerGroupMemory, index: number): WorkerGroup {
  return { index, count, id, carried: new Count(carried), paths: new OwnConnections(paths) };
}

/** What a server handler tells clients of its workers: nothing where there is but one. */
export function announcedWorkers({ count, id }: WorkerGroup): Workers | null {
  return count > 1 ? { count, id } : null;
}

/** A worker's part of what there may be in all. @param least It is never less. */
export function perWorkerShare(total: number, { count }: WorkerGroup, least = 1): number {
  return count === 1 ? total : Math.max(least, Math.ceil(total / count));
}

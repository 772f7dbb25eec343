import { SERVER_ID_LENGTH, type Workers } from "../wire/workers.ts";
import { OwnConnections } from "../net/own_connections.ts";

/** A counter common to all workers; in shared memory if there are several. */
export class Count {
  readonly #cell: Int32Array;

  /** Uses a cell of 4 bytes with its present value. Default: a cell of its own, 0. */
  constructor(cell: Int32Array = new Int32Array(1)) {
    this.#cell = cell;
  }

  /** The current count. */
  get value(): number {
    return Atomics.load(this.#cell, 0);
  }

  /** Adds to the count; negative to subtract. */
  add(change: number): void {
    Atomics.add(this.#cell, 0, change);
  }
}

/** The workers of a process (event loops that each run a handler), as seen by one of them. */
export interface WorkerGroup {
  /** This worker's index, from 0. */
  readonly index: number;
  /** Number of workers. */
  readonly count: number;
  /** Distinguishes this start of a server handler from others. */
  readonly id: Uint8Array;
  /** Number of sessions in all workers; of a client handler, with direct connections. */
  readonly sessions: Count;
  /** Number of channels of associations in all workers; of a client handler, with the far sides of direct connections. */
  readonly channels: Count;
  /** Recent connections made by a client handler's workers; absent for a single worker. */
  readonly paths?: OwnConnections;
}

/** Creates a group with a single worker. */
export function single(): WorkerGroup {
  return { index: 0, count: 1, id: new Uint8Array(SERVER_ID_LENGTH), sessions: new Count(), channels: new Count() };
}

/** The state common to a group, as it is sent to each worker. */
export interface WorkerGroupMemory {
  /** Number of workers. */
  readonly count: number;
  /** As {@linkcode WorkerGroup.id}. */
  readonly id: Uint8Array;
  /** The cell of {@linkcode WorkerGroup.sessions}. */
  readonly sessions: Int32Array;
  /** The cell of {@linkcode WorkerGroup.channels}. */
  readonly channels: Int32Array;
  /** The cells of {@linkcode WorkerGroup.paths}. */
  readonly paths: Int32Array;
}

/** Creates the state common to a group. @param count Number of workers, at least 2. */
export function workerGroupMemory(count: number): WorkerGroupMemory {
  return {
    count,
    id: crypto.getRandomValues(new Uint8Array(SERVER_ID_LENGTH)),
    sessions: new Int32Array(new SharedArrayBuffer(4)),
    channels: new Int32Array(new SharedArrayBuffer(4)),
    paths: new Int32Array(new SharedArrayBuffer(OwnConnections.SIZE)),
  };
}

/** The group as seen by its worker with that index. */
export function joinWorkerGroup(memory: WorkerGroupMemory, index: number): WorkerGroup {
  const { count, id, sessions, channels, paths } = memory;
  return {
    index,
    count,
    id,
    sessions: new Count(sessions),
    channels: new Count(channels),
    paths: new OwnConnections(paths),
  };
}

/** The workers that a server handler announces to clients; null for a single one. */
export function announcedWorkers({ count, id }: WorkerGroup): Workers | null {
  return count > 1 ? { count, id } : null;
}

/** One worker's share of a limit. @param min The smallest share. */
export function perWorkerShare(total: number, { count }: WorkerGroup, min = 1): number {
  return count === 1 ? total : Math.max(min, Math.ceil(total / count));
}

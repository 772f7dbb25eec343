import { WireError } from "./decoder.ts";

/** Maximum number of a server handler's workers. */
export const MAX_WORKERS = 64;

/** Length of a server handler's id in bytes. */
export const SERVER_ID_LENGTH = 16;

/** Length of the body of WORKERS in bytes: the count, `u8`, and the id. */
export const WORKERS_LENGTH: number = 1 + SERVER_ID_LENGTH;

/**
 * A server handler's workers (docs/PROTOCOL.md 5.5): event loops, each of which accepts associations. Worker k, counted
 * from 0, listens k ports above the first one.
 */
export interface Workers {
  /** Number of workers, 2 to {@linkcode MAX_WORKERS}. */
  readonly count: number;
  /** Random for each start of the server handler: shows whether another port belongs to the same one. */
  readonly id: Uint8Array;
}

/** Encodes the body of WORKERS. @throws {RangeError} If it can't be encoded. */
export function encodeWorkers({ count, id }: Workers): Uint8Array {
  if (!isCount(count)) throw new RangeError(`${count} workers`);
  if (id.length !== SERVER_ID_LENGTH) throw new RangeError(`An id of ${id.length} bytes`);
  return Uint8Array.of(count, ...id);
}

/** Decodes the body of WORKERS, of {@linkcode WORKERS_LENGTH} bytes. @throws {WireError} If it is malformed. */
export function decodeWorkers(body: Uint8Array): Workers {
  const [count = 0] = body;
  if (!isCount(count)) throw new WireError(`WORKERS has count ${count}; must be 2 to ${MAX_WORKERS}`);
  return { count, id: body.slice(1) };
}

/** True if both belong to one server handler. */
export function sameWorkers(one: Workers, other: Workers): boolean {
  return one.count === other.count && one.id.every((byte, at) => byte === other.id[at]);
}

function isCount(count: number): boolean {
  return Number.isInteger(count) && count >= 2 && count <= MAX_WORKERS;
}

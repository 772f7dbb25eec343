import { WireError } from "./decoder.ts";

/** The most workers that a server handler may have, and a client takes it to have. */
export const MOST_WORKERS = 64;

/** The length in bytes of what tells server handlers apart. */
export const SERVER_ID_LENGTH = 16;

/** The length in bytes of the body of WORKERS: how many `u8`, and the id. */
export const WORKERS_LENGTH: number = 1 + SERVER_ID_LENGTH;

/**
 * A server handler's workers (docs/PROTOCOL.md 4.5): event loops, each of which takes associations. Number k, from 0,
 * listens k ports above where the first one does.
 */
export interface Workers {
  /** How many there are, 2 to {@linkcode MOST_WORKERS}. */
  readonly count: number;
  /** Made anew at each start of the server handler: tells whether what listens at another port is the same one. */
  readonly id: Uint8Array;
}

/** Encodes the body of WORKERS. @throws {RangeError} When it can't be. */
export function encodeWorkers({ count, id }: Workers): Uint8Array {
  if (!isCount(count)) throw new RangeError(`${count} workers`);
  if (id.length !== SERVER_ID_LENGTH) throw new RangeError(`An id of ${id.length} bytes`);
  return Uint8Array.of(count, ...id);
}

/** Decodes the body of WORKERS, of {@linkcode WORKERS_LENGTH} bytes. @throws {WireError} When it is none. */
export function decodeWorkers(body: Uint8Array): Workers {
  const [count = 0] = body;
  if (!isCount(count)) throw new WireError(`WORKERS that tells of ${count}`);
  return { count, id: body.slice(1) };
}

/** Whether two are of one server handler. */
export function sameWorkers(one: Workers, other: Workers): boolean {
  return one.count === other.count && one.id.every((byte, at) => byte === other.id[at]);
}

function isCount(count: number): boolean {
  return Number.isInteger(count) && count >= 2 && count <= MOST_WORKERS;
}

/** Watches the honest parties' connections: who read and wrote which byte, and in which order. */
import type { Connection } from "../../src/net/connection.ts";

/** What went through one end of a connection in one direction. */
class Tally {
  readonly #pieces: Uint8Array[] = [];
  /** After each step the number of bytes so far, and when that was. */
  readonly #steps: { readonly at: number; readonly length: number }[] = [];
  /** How many bytes there were. */
  length = 0;

  /** Bytes were read, or are being written. */
  step(at: number, length: number): void {
    this.#steps.push({ at, length });
  }

  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  /** When there were `length` bytes, or first more; Infinity when there never were. */
  reached(length: number): number {
    return this.#steps.find((step) => step.length >= length)?.at ?? Infinity;
  }

  get bytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}

/** Where a connection belongs. */
export interface Place {
  readonly association: number;
  readonly channel: number;
}

/** One end of a connection that an honest party holds. */
export interface Seen {
  /** Whose: a client's name, or "server". */
  readonly owner: string;
  /** Of a client's: which of its associations the connection is for, from 0, and on which channel. */
  readonly place: Place;
  readonly connection: Connection;
  readonly read: Tally;
  /** A byte counts as written, in time, from when its write was called on. */
  readonly written: Tally;
  /** Whether its owner has closed or reset it. */
  ended: boolean;
}

/** The order of everything that honest parties did. */
export class Witness {
  readonly seen: Seen[] = [];
  #now = 0;

  /** The same connection, watched from now on. */
  watch(owner: string, connection: Connection, place: Place): Connection {
    const seen: Seen = { owner, place, connection, read: new Tally(), written: new Tally(), ended: false };
    this.seen.push(seen);
    return {
      local: connection.local,
      remote: connection.remote,
      read: async (into) => {
        const length = await connection.read(into);
        if (length !== null) {
          seen.read.add(into.slice(0, length));
          seen.read.step(++this.#now, seen.read.length);
        }
        return length;
      },
      write: async (bytes) => {
        seen.written.step(++this.#now, seen.written.length + bytes.length);
        const length = await connection.write(bytes);
        seen.written.add(bytes.slice(0, length));
        return length;
      },
      closeWrite: () => connection.closeWrite(),
      close: () => {
        seen.ended = true;
        connection.close();
      },
      reset: () => {
        seen.ended = true;
        connection.reset();
      },
    };
  }
}

/** Records the order in which the honest parties read and wrote each byte. */
import type { Connection } from "../../src/net/connection.ts";
import { concat } from "../../src/wire/concat.ts";

/** The bytes of one direction at one end of a connection. */
class Tally {
  /** All bytes, in pieces until they are asked for. */
  #pieces: Uint8Array[] = [];
  /** The total after each step, and its time. */
  readonly #steps: { readonly at: number; readonly length: number }[] = [];
  /** Number of bytes so far. */
  length = 0;

  /** Records bytes read, or about to be written. */
  step(at: number, length: number): void {
    this.#steps.push({ at, length });
  }

  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  /** When the total reached `length`; Infinity if it never did. */
  reached(length: number): number {
    return this.#steps.find((step) => step.length >= length)?.at ?? Infinity;
  }

  /** This and then more, which came later than any step of this. */
  followedBy(bytes: Uint8Array): Tally {
    const tally = new Tally();
    for (const step of this.#steps) tally.step(step.at, step.length);
    tally.add(this.bytes);
    tally.add(bytes);
    return tally;
  }

  /** Not to be changed. */
  get bytes(): Uint8Array {
    if (this.#pieces.length !== 1) this.#pieces = [concat(this.#pieces)];
    return this.#pieces[0]!;
  }
}

/** A connection's association and channel. */
export interface Place {
  readonly association: number;
  readonly channel: number;
}

/** An honest party's end of a connection. */
export interface Seen {
  /** A client's name, or "server". */
  readonly owner: string;
  /** For a client's: the association's number, from 0, and the channel. */
  readonly place: Place;
  readonly connection: Connection;
  readonly read: Tally;
  /** A byte counts as written from the call of its write on. */
  readonly written: Tally;
  /** Set once its owner has closed or reset it. */
  ended: boolean;
}

/** The order of all actions of honest parties. */
export class Witness {
  readonly seen: Seen[] = [];
  #now = 0;

  /** Watches a connection from now on. */
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

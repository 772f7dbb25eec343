/** A session that is open throughout: it shares the attacked association, or is another client's. */
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { concat } from "../../src/wire/concat.ts";
import type { Random } from "../support/random/random.ts";
import type { Party } from "./evidence.ts";
import { SAID } from "./steps.ts";

/** Talks to the echo, and collects what comes back. */
export class Companion implements Party {
  readonly kind = "application";
  readonly port = 7;
  said = false;
  heard: Uint8Array = new Uint8Array(0);
  end: Party["end"] = null;
  readonly #connection: Connection;
  readonly #random: Random;
  readonly #pieces: Uint8Array[] = [];

  constructor(connection: Connection, random: Random) {
    this.#connection = connection;
    this.#random = random;
    this.#hear();
  }

  get says(): Uint8Array {
    return concat(this.#pieces);
  }

  /** Sends something. */
  async talk(): Promise<void> {
    const piece = this.#random.bytes(SAID.echo);
    this.#pieces.push(piece);
    try {
      await writeAll(this.#connection, piece);
    } catch {
      // Reset.
    }
  }

  /** Half-closes. */
  async hangUp(): Promise<void> {
    try {
      await this.#connection.closeWrite();
      this.said = true;
    } catch {
      // Reset.
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #hear(): Promise<void> {
    const buffer = new Uint8Array(64);
    try {
      for (let length = await this.#connection.read(buffer); length !== null;) {
        this.heard = concat([this.heard, buffer.subarray(0, length)]);
        length = await this.#connection.read(buffer);
      }
      this.end = "in order";
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) this.end = "reset";
    }
  }
}

/** The applications and targets of a cell. */
import { acceptAll } from "../../src/net/listen/accept_loop.ts";
import type { Connection } from "../../src/net/connection.ts";
import { writeAll } from "../../src/net/connection.ts";
import type { MemoryNetwork } from "../support/network/memory_network.ts";
import type { Random } from "../support/random/random.ts";
import type { Party } from "./evidence.ts";
import type { Said } from "./steps.ts";
import { concat } from "../../src/wire/concat.ts";

/** The pieces that a party sends, by port. */
const piecesOf = (said: Said) => ({
  application: { 80: [said.data, said.more], 443: [said.second] },
  target: { 80: [said.answer, said.rest], 443: [said.reply] },
});

/** Sends its pieces, the first immediately, each further one on request; reads to the end. */
export class Talker implements Party {
  readonly says: Uint8Array;
  said = false;
  heard: Uint8Array = new Uint8Array(0);
  end: "in order" | "reset" | null = null;
  /** Resolves at the end of its input. */
  readonly heardAll: Promise<void>;
  readonly #connection: Connection;
  readonly #pieces: Uint8Array[];

  constructor(
    readonly kind: Party["kind"],
    readonly port: 80 | 443,
    connection: Connection,
    random: Random,
    said: Said,
  ) {
    this.#connection = connection;
    this.#pieces = piecesOf(said)[kind][port].map((length) => random.bytes(length));
    this.says = concat(this.#pieces);
    this.heardAll = this.#hear();
  }

  /** Sends the next piece; half-closes after the last one. */
  async speak(): Promise<void> {
    const piece = this.#pieces.shift();
    try {
      if (piece !== undefined) await writeAll(this.#connection, piece);
      if (this.#pieces.length > 0 || this.said) return;
      await this.#connection.closeWrite();
      this.said = true;
      await this.heardAll;
      this.#connection.close();
    } catch {
      // Reset.
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #hear(): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const length = await this.#connection.read(buffer);
        if (length === null) break;
        this.heard = Uint8Array.from([...this.heard, ...buffer.subarray(0, length)]);
      }
      this.end = "in order";
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) this.end = "reset";
    }
  }
}

/** Targets' ports, by the requested port. */
export const TARGETS = { 80: 8000, 443: 8443, 7: 8007, 81: 8081 } as const;

/**
 * Listens as the targets of ports 80 and 443, which answer once they have everything, and of ports 7 and 81, which echo.
 *
 * @param parties Receives the answering targets as they are reached.
 * @returns Stops listening.
 */
export function startTargets(
  network: MemoryNetwork,
  random: Random,
  settle: () => Promise<void>,
  parties: Talker[],
  said: Said,
): () => void {
  const answer = (port: 80 | 443) => async (connection: Connection): Promise<void> => {
    const target = new Talker("target", port, connection, random, said);
    parties.push(target);
    await target.heardAll;
    if (target.end !== "in order") return target.close();
    target.speak();
    await settle();
    target.speak();
  };
  const takers = { [TARGETS[80]]: answer(80), [TARGETS[443]]: answer(443), [TARGETS[7]]: echo, [TARGETS[81]]: echo };
  const listeners = Object.entries(takers).map(([port, take]) => {
    const listener = network.listen({ host: "127.0.0.2", port: Number(port) });
    acceptAll(listener, (connection) => void take(connection).catch(() => {}));
    return listener;
  });
  return () => listeners.forEach((listener) => listener.close());
}

async function echo(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
      await writeAll(connection, buffer.subarray(0, length));
    }
  } finally {
    connection.close();
  }
}

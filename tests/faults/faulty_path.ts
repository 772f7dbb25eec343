/** A channel's path with a fault that starts on demand. */
import type { Clock } from "../../src/time/clock.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import type { Interposed } from "../support/network/memory_network.ts";

/** Faults of a path. */
export type PathFault = "reset" | "closed" | "black-holed" | "slowed to a crawl" | "delayed" | "doubled";

/** Direction of bytes. */
export type Direction = "toClient" | "toServer";

/** A point at which a path stops until it is opened. */
export interface Gate {
  /** The stopped direction. */
  readonly direction: Direction;
  /** Offset in that direction, in bytes. */
  readonly at: number;
}

/** Bytes that pass in each half second at a crawl. */
const CRAWL = 100;

/** Maximum number of repeated bytes. */
const DOUBLED = 10;

/** Extra one-way delay of a delayed path, in milliseconds. */
const DELAY = 300;

/** Relays everything up to its gate, and then according to its fault. */
export class FaultyPath {
  readonly #path: Interposed;
  readonly #clock: Clock;
  #gate: Gate | null;
  readonly #reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  #fault: PathFault | null = null;
  readonly #doubled = new Set<Direction>();
  readonly #passed = { toClient: 0, toServer: 0 };

  /** Interposes on the path, and takes ownership of its two ends. */
  constructor(path: Interposed, clock: Clock, gate: Gate | null = null) {
    this.#path = path;
    this.#clock = clock;
    this.#gate = gate;
    this.#run();
  }

  /** Resolves once the gate is reached. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Stops a direction after so many bytes more. */
  stop({ direction, at }: Gate): void {
    this.#gate = { direction, at: this.#passed[direction] + at };
  }

  /** Starts a fault and opens the gate. */
  befall(fault: PathFault): void {
    this.#fault = fault;
    this.open();
    if (fault === "reset") this.#each("reset");
    if (fault === "closed") this.#each("close");
  }

  /** Opens the gate. */
  open(): void {
    this.#gate = null;
    this.#released.resolve();
  }

  /** Closes both ends, unless they are closed. */
  close(): void {
    this.#released.resolve();
    this.#each("reset");
  }

  #each(how: "reset" | "close"): void {
    this.#path.toClient[how]();
    this.#path.toServer[how]();
  }

  async #run(): Promise<void> {
    const { toClient, toServer } = this.#path;
    try {
      await Promise.all([this.#pass("toServer", toClient, toServer), this.#pass("toClient", toServer, toClient)]);
      if (this.#fault !== "black-holed") this.#each("close");
    } catch {
      // Behind a black hole the other side hears nothing; the test closes this path.
      if (this.#fault !== "black-holed") this.#each("reset");
    }
  }

  async #pass(direction: Direction, from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(65_536);
    /** Resolves once delayed bytes have been sent. */
    let last = Promise.resolve();
    const passed = this.#passed;
    for (;;) {
      const length = await from.read(buffer.subarray(0, this.#most));
      if (length === null) break;
      let piece = buffer.slice(0, length);
      const gate = this.#gate?.direction === direction ? this.#gate : null;
      if (gate !== null && passed[direction] + length > gate.at) {
        const before = gate.at - passed[direction];
        if (before > 0) await writeAll(to, piece.subarray(0, before));
        piece = piece.subarray(before);
        passed[direction] = gate.at;
        this.#reached.resolve();
        await this.#released.promise;
      }
      passed[direction] += piece.length;
      if (this.#fault === "black-holed") continue;
      if (this.#fault === "slowed to a crawl") await this.#wait(500);
      if (this.#fault === "delayed") {
        last = Promise.all([last, this.#wait(DELAY)]).then(() => writeAll(to, piece));
        last.catch(() => this.#each("reset"));
        continue;
      }
      if (this.#fault === "doubled" && !this.#doubled.has(direction)) {
        this.#doubled.add(direction);
        await writeAll(to, piece.subarray(0, DOUBLED));
      }
      await writeAll(to, piece);
    }
    await last;
    if (this.#fault !== "black-holed") await to.closeWrite();
  }

  /** Maximum size of a piece. */
  get #most(): number {
    return this.#fault === "slowed to a crawl" ? CRAWL : 65_536;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}

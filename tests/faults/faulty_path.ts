/** A channel's path that does what the test says, from when it says so. */
import type { Clock } from "../../src/time/clock.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import type { Interposed } from "../support/network/memory_network.ts";

/** What may befall a path. */
export type PathFault = "reset" | "closed" | "black-holed" | "slowed to a crawl" | "delayed" | "doubled";

/** Which way bytes go. */
export type Direction = "toClient" | "toServer";

/** Where a path stops until it is told to go on. */
export interface Gate {
  /** The direction that stops. */
  readonly direction: Direction;
  /** After so many bytes of it. */
  readonly at: number;
}

/** At a crawl, so many bytes pass in each half second. */
const CRAWL = 100;

/** What is doubled is so many bytes, at most. */
const DOUBLED = 10;

/** How much longer than others a delayed path takes, in milliseconds, one way. */
const DELAY = 300;

/** Passes everything on until it has reached its gate; then as its fault has it. */
export class FaultyPath {
  readonly #path: Interposed;
  readonly #clock: Clock;
  #gate: Gate | null;
  readonly #reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  #fault: PathFault | null = null;
  readonly #doubled = new Set<Direction>();

  /** Stands in the path, whose two ends it owns. */
  constructor(path: Interposed, clock: Clock, gate: Gate | null = null) {
    this.#path = path;
    this.#clock = clock;
    this.#gate = gate;
    this.#run();
  }

  /** Settles when the gate is reached. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** From now on the path has a fault; the gate opens. */
  befall(fault: PathFault): void {
    this.#fault = fault;
    this.open();
    if (fault === "reset") this.#each("reset");
    if (fault === "closed") this.#each("close");
  }

  /** Goes on beyond the gate. */
  open(): void {
    this.#gate = null;
    this.#released.resolve();
  }

  /** Ends both ends, if they have not ended. */
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
      // The other side of a black hole hears nothing, and this path is closed by its test.
      if (this.#fault !== "black-holed") this.#each("reset");
    }
  }

  async #pass(direction: Direction, from: Connection, to: Connection): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let passed = 0;
    /** Settles when what was delayed has left. */
    let last = Promise.resolve();
    for (;;) {
      const gate = this.#gate?.direction === direction ? this.#gate : null;
      if (gate !== null && passed >= gate.at) {
        this.#reached.resolve();
        await this.#released.promise;
        continue;
      }
      const length = await from.read(buffer.subarray(0, gate === null ? this.#most : gate.at - passed));
      if (length === null) break;
      passed += length;
      const piece = buffer.slice(0, length);
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

  /** The size of a piece. */
  get #most(): number {
    return this.#fault === "slowed to a crawl" ? CRAWL : 65_536;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}

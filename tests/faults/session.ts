/** A session in a trial: what its application and its target do, and what either sees. */
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { FORWARD, type Handlers } from "../support/handlers/handlers_in_memory.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { Random } from "../support/random/random.ts";

const REQUEST = new Random(1).bytes(1500);
const REPLY = new Random(2).bytes(1500);
const MORE = new Random(3).bytes(1000);

/** What a target does instead of what it should. */
export type TargetFault = "resets" | "resets while it replies" | "closes early" | "does not read";

/** An application that sends a request, and a target that replies to it. */
export class Session {
  /** What the application has seen, when it has come to its end. */
  seen: string | null = null;
  /** What the target has seen. */
  target: string | null = null;
  /** Whether a connection to the target was made. */
  served = false;
  /** The application's connection. */
  readonly application: Promise<Connection>;
  readonly #keepsOn: boolean;
  readonly #goOn = Promise.withResolvers<void>();
  readonly #held: Connection[] = [];
  readonly #fault: TargetFault | null;
  #replied = false;
  #killed = false;

  /**
   * Connects.
   *
   * @param keepsOn Whether the application sends more after the reply, when it may, and half-closes only then.
   * @param fault What the target does wrong.
   */
  constructor({ network }: Handlers, keepsOn: boolean, fault: TargetFault | null) {
    this.#keepsOn = keepsOn;
    this.#fault = fault;
    this.application = network.connect(FORWARD);
    this.application.then((connection) => this.#apply(connection)).then((seen) =>
      this.seen = this.#killed ? "nothing" : seen
    );
  }

  /** The target takes a connection. */
  async serve(connection: Connection): Promise<void> {
    this.served = true;
    this.target = await this.#serve(connection);
  }

  /** Whether the application has the reply, and its end, and has not half-closed yet. */
  get replied(): boolean {
    return this.#replied;
  }

  /** The application sends what it still has. */
  goOn(): void {
    this.#goOn.resolve();
  }

  /** The application's process ends: the system resets its connection. */
  kill(): void {
    this.#killed = true;
    this.application.then((connection) => connection.reset());
  }

  /** Closes what the test holds. */
  close(): void {
    this.#goOn.resolve();
    for (const connection of this.#held) connection.close();
  }

  async #apply(application: Connection): Promise<string> {
    this.#held.push(application);
    const sending = this.#send(application, REQUEST, !this.#keepsOn);
    const { bytes, error } = await readToEnd(application);
    if (error !== null) return error instanceof Deno.errors.ConnectionReset ? "a reset" : String(error);
    if (!same(bytes, REPLY)) {
      return bytes.length === 0 ? "an end" : `${bytes.length} of ${REPLY.length} bytes and an end`;
    }
    if (this.#keepsOn) {
      this.#replied = true;
      await this.#goOn.promise;
      return await this.#send(application, MORE, true) ? "all it should" : "the whole reply, then that it can't send";
    }
    return await sending ? "all it should" : "the whole reply, but it could not send";
  }

  async #send(application: Connection, bytes: Uint8Array, last: boolean): Promise<boolean> {
    try {
      await writeAll(application, bytes);
      if (last) await application.closeWrite();
      return true;
    } catch {
      return false;
    }
  }

  async #serve(target: Connection): Promise<string> {
    this.#held.push(target);
    if (this.#fault === "resets") target.reset();
    if (this.#fault === "closes early") target.close();
    if (this.#fault === "does not read") await this.#goOn.promise;
    try {
      await readFull(target, new Uint8Array(REQUEST.length));
      await writeAll(target, this.#fault === "resets while it replies" ? REPLY.subarray(0, 1000) : REPLY);
      if (this.#fault === "resets while it replies") target.reset();
      await target.closeWrite();
      const { bytes, error } = await readToEnd(target);
      if (error !== null) throw error;
      if (!same(bytes, this.#keepsOn ? MORE : new Uint8Array())) return `${bytes.length} bytes more and an end`;
      return "all it should";
    } catch (error) {
      if (this.#fault !== null) return "what it did";
      return error instanceof Deno.errors.ConnectionReset ? "a reset" : String(error);
    }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

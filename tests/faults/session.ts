/** A trial's session: the behaviour and the views of its application and its target. */
import type { Shares } from "../../src/association/association_options.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { FORWARD, type Handlers } from "../support/handlers/handlers_in_memory.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { Random } from "../support/random/random.ts";

/** With short shares, twice as long: then the record behind the first one is longer than what is shared byte by byte. */
const said = (seed: number): Readonly<Record<Shares, Uint8Array>> => {
  return { full: new Random(seed).bytes(1500), short: new Random(seed).bytes(3000) };
};

const REQUEST = said(1), REPLY = said(2);
const MORE = new Random(3).bytes(1000);

/** A target's misbehaviour. */
export type TargetFault = "resets" | "resets while it replies" | "closes early" | "does not read";

/** An application that sends a request, and a target that replies. */
export class Session {
  /** The application's view, once it has ended. */
  seen: string | null = null;
  /** The target's view. */
  target: string | null = null;
  /** Set once a connection to the target was made. */
  served = false;
  /** The application's connection. */
  readonly application: Promise<Connection>;
  readonly #keepsOn: boolean;
  readonly #goOn = Promise.withResolvers<void>();
  readonly #held: Connection[] = [];
  readonly #fault: TargetFault | null;
  readonly #request: Uint8Array;
  readonly #reply: Uint8Array;
  #replied = false;
  #killed = false;

  /**
   * Connects.
   *
   * @param keepsOn Makes the application send more after the reply, when allowed, and half-close only then.
   * @param fault The target's misbehaviour.
   * @param shares Those of its association.
   */
  constructor({ network }: Handlers, keepsOn: boolean, fault: TargetFault | null, shares: Shares) {
    this.#request = REQUEST[shares];
    this.#reply = REPLY[shares];
    this.#keepsOn = keepsOn;
    this.#fault = fault;
    this.application = network.connect(FORWARD);
    this.application.then((connection) => this.#apply(connection)).then((seen) =>
      this.seen = this.#killed ? "nothing" : seen
    );
  }

  /** Serves the target's connection. */
  async serve(connection: Connection): Promise<void> {
    this.served = true;
    this.target = await this.#serve(connection);
  }

  /** Set once the application has the whole reply, before it half-closes. */
  get replied(): boolean {
    return this.#replied;
  }

  /** Lets the application send the rest. */
  goOn(): void {
    this.#goOn.resolve();
  }

  /** Kills the application's process: the system resets its connection. */
  kill(): void {
    this.#killed = true;
    this.application.then((connection) => connection.reset());
  }

  /** Closes the test's connections. */
  close(): void {
    this.#goOn.resolve();
    for (const connection of this.#held) connection.close();
  }

  async #apply(application: Connection): Promise<string> {
    this.#held.push(application);
    const sending = this.#send(application, this.#request, !this.#keepsOn);
    const { bytes, error } = await readToEnd(application);
    if (error !== null) return error instanceof Deno.errors.ConnectionReset ? "a reset" : String(error);
    if (!same(bytes, this.#reply)) {
      return bytes.length === 0 ? "an end" : `${bytes.length} of ${this.#reply.length} bytes and an end`;
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
      await readFull(target, new Uint8Array(this.#request.length));
      await writeAll(target, this.#fault === "resets while it replies" ? this.#reply.subarray(0, 1000) : this.#reply);
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

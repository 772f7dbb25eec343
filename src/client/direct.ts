import { reasonOf } from "../association/association.ts";
import { giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../association/buffers.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { type Connection, writeAll } from "../net/connection.ts";
import { sameAddress } from "../net/sockaddr.ts";
import type { System } from "../net/system.ts";
import type { Log } from "../observe/log.ts";
import { TargetError } from "../session/session.ts";
import { ResultCode } from "../wire/frame.ts";
import type { Arrival } from "./entry/arrival.ts";
import { NotAllowed } from "./entry/refusal.ts";

/** What passing connections on needs. */
export interface DirectOptions extends System {
  /** How long connecting may take, in milliseconds. */
  readonly timeout: number;
  /** Gets a line for each connection: that nothing protects it must not go unseen. */
  readonly log: Log;
}

/** Passes connections on as they are, to where no server handler is known. */
export class Direct {
  readonly #options: DirectOptions;
  readonly #giveUp = new AbortController();
  readonly #open = new Set<Connection>();
  /** Connections that are being made, each to settle in time. */
  readonly #connecting = new Set<Promise<Connection>>();

  /** Passes on from now on. */
  constructor(options: DirectOptions) {
    this.#options = options;
  }

  /** Passes a connection on until it has ended. Owns it. */
  async carry(arrival: Arrival, to: Address): Promise<void> {
    const application = arrival.connection;
    const fields = { from: formatAddress(application.remote), destination: formatAddress(to) };
    let destination: Connection;
    try {
      if (await this.#isOwn(application)) {
        throw new NotAllowed("it is this handler's own: let the rules pass what it sends, by its user or group");
      }
      const connecting = this.#connect(to);
      this.#connecting.add(connecting);
      destination = await connecting.finally(() => this.#connecting.delete(connecting));
    } catch (error) {
      this.#options.log.warn("connection refused", { ...fields, reason: reasonOf(error) });
      return await arrival.refused(error instanceof NotAllowed ? error : failure(error));
    }
    this.#options.log.warn("passed on in the clear", { ...fields, reason: "no server is known there" });
    const both = [application, destination];
    for (const one of both) this.#open.add(one);
    try {
      if (this.#giveUp.signal.aborted) throw this.#giveUp.signal.reason;
      await arrival.accepted?.();
      await Promise.all([copy(application, destination), copy(destination, application)]);
      for (const one of both) one.close();
    } catch {
      // Whichever side it was: the other one must not take it for an end.
      for (const one of both) one.reset();
    } finally {
      for (const one of both) this.#open.delete(one);
    }
  }

  /** Resets all connections, and gives up those that are not made yet. */
  close(): void {
    this.#giveUp.abort(new Error("the handler is ending"));
    for (const one of this.#open) one.reset();
  }

  /** Whether a connection is one of these, come back by a rule: it would come back again and again. */
  async #isOwn({ remote }: Connection): Promise<boolean> {
    // What comes back can arrive before it is known to be made.
    const made = await Promise.allSettled(this.#connecting);
    const own = [...this.#open, ...made.flatMap((one) => one.status === "fulfilled" ? one.value : [])];
    return own.some(({ local }) => sameAddress(local, remote));
  }

  async #connect(to: Address): Promise<Connection> {
    const { network, clock, timeout } = this.#options;
    const late = new AbortController();
    const forget = clock.after(timeout, () => late.abort(new Error(`no connection within ${timeout / 1000} s`)));
    try {
      return await network.connect(to, AbortSignal.any([late.signal, this.#giveUp.signal]));
    } finally {
      forget();
    }
  }
}

/** What a failure to connect is to the application: the same as one that a server handler meets. */
function failure(error: unknown): TargetError {
  const code = error instanceof Deno.errors.ConnectionRefused ? ResultCode.Refused : ResultCode.Unreachable;
  return new TargetError(code, reasonOf(error));
}

/** Copies until `from` half-closes, and then half-closes `to`. */
async function copy(from: Connection, to: Connection): Promise<void> {
  for (let size: number = SMALLEST_BUFFER;;) {
    const buffer = takeBuffer(size);
    const length = await from.read(buffer.subarray(0, size));
    if (length !== null) await writeAll(to, buffer.subarray(0, length));
    // Not given back after a failure: the operation that failed may still hold it.
    giveBuffer(buffer);
    if (length === null) return await to.closeWrite();
    size = nextSize(size, length);
  }
}

import { reasonOf } from "../../errors/errors.ts";
import { List } from "../../collections/list.ts";
import { affordable, giveBuffer, nextSize, SMALLEST_BUFFER, takeBuffer } from "../../net/buffer_pool.ts";
import type { ClientConfig } from "../../config/types.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { type Connection, writeAll } from "../../net/connection.ts";
import { connectInTurn } from "../../net/names/dial.ts";
import type { System } from "../../net/system/system.ts";
import { type Activity, refusalLabel } from "../../observe/activity.ts";
import type { Log } from "../../log/log.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import { HandlerEnding, TargetError } from "../../streams/errors.ts";
import { ResultCode } from "../../wire/frame.ts";
import type { Count } from "../../workers/worker_group.ts";
import type { Arrival } from "../ingress/arrival.ts";
import { Overloaded } from "../ingress/refusal.ts";

/** Options of {@linkcode Direct}. */
export interface DirectOptions extends System {
  /** Current time limits. */
  readonly config: () => Pick<ClientConfig, "timeouts">;
  /** Counts failures to connect. */
  readonly activity: Activity;
  /** Gets a warning for each connection, since nothing protects it. */
  readonly log: Log;
  /** Gets a line for each failure to connect. */
  readonly refused: ThrottledWarning;
  /** Returns false if there is no room for another connection; the limit is reported. */
  readonly room: () => boolean;
  /** Counts connections to destinations. */
  readonly channels: Count;
}

/** Relays connections in the clear to destinations without a known server handler. */
export class Direct {
  readonly #options: DirectOptions;
  /** Both ends of each. */
  readonly #open = new List<readonly Connection[]>();
  readonly #connecting = new List<AbortController>();
  #closed = false;

  /** Starts without connections. */
  constructor(options: DirectOptions) {
    this.#options = options;
  }

  /** Relays a connection to the first address that accepts, until it has ended. Owns the connection. */
  async relay(arrival: Arrival, to: readonly Address[]): Promise<void> {
    const application = arrival.connection;
    const from = formatAddress(application.remote);
    if (!this.#options.room()) {
      this.#options.activity.refusals.count("overloaded");
      return await arrival.refused(new Overloaded("file limit reached"));
    }
    this.#options.channels.add(1);
    try {
      await this.#relay(arrival, application, from, to);
    } finally {
      this.#options.channels.add(-1);
    }
  }

  async #relay(arrival: Arrival, application: Connection, from: string, to: readonly Address[]): Promise<void> {
    let destination: Connection;
    try {
      destination = await this.#connect(to);
    } catch (error) {
      const { refused, activity } = this.#options;
      refused.warn({ from, destination: to.map(formatAddress).join(), reason: reasonOf(error) });
      const why = failure(error);
      activity.refusals.count(refusalLabel(why.code));
      return await arrival.refused(why);
    }
    this.#options.log.warn("passed on in the clear", {
      from,
      destination: formatAddress(destination.remote),
      reason: "no server is known there",
    });
    const both = [application, destination];
    const place = this.#open.add(both);
    try {
      if (this.#closed) throw new HandlerEnding();
      await arrival.accepted?.();
      await Promise.all([copy(application, destination), copy(destination, application)]);
      for (const one of both) one.close();
    } catch {
      // Whichever side failed, the other must not mistake it for an orderly end.
      for (const one of both) one.reset();
    } finally {
      this.#open.remove(place);
    }
  }

  /** Resets all connections, and aborts pending ones. */
  close(): void {
    this.#closed = true;
    for (const aborter of this.#connecting) aborter.abort(new HandlerEnding());
    for (const both of this.#open) both.forEach((one) => one.reset());
  }

  async #connect(to: readonly Address[]): Promise<Connection> {
    const { network, clock, config } = this.#options;
    const { timeouts } = config();
    const aborter = new AbortController();
    const place = this.#connecting.add(aborter);
    try {
      const options = { network, clock, timeout: timeouts.connect, signal: aborter.signal };
      const destination = await connectInTurn(to, options);
      destination.keepAlive?.(timeouts.keepalive);
      return destination;
    } finally {
      this.#connecting.remove(place);
    }
  }
}

/** Maps a failure to connect to the error of a session whose target failed likewise. */
function failure(error: unknown): TargetError {
  const code = error instanceof Deno.errors.ConnectionRefused ? ResultCode.Refused : ResultCode.Unreachable;
  return new TargetError(code, reasonOf(error));
}

/** Copies until `from` half-closes, and then half-closes `to`. */
async function copy(from: Connection, to: Connection): Promise<void> {
  for (let size: number = SMALLEST_BUFFER;;) {
    size = affordable(size);
    const buffer = takeBuffer(size);
    const length = await from.read(buffer.subarray(0, size));
    if (length !== null) await writeAll(to, buffer.subarray(0, length));
    // Not returned to the pool after a failure: the failed operation may still use it.
    giveBuffer(buffer);
    if (length === null) return await to.closeWrite();
    size = nextSize(size, length);
  }
}

import { initiate } from "../association/initiate.ts";
import { reasonOf } from "../association/association.ts";
import type { Server, Timeouts } from "../config/types.ts";
import { formatAddress } from "../net/address.ts";
import { hostBytes } from "../net/ip.ts";
import type { System } from "../net/system.ts";
import type { Log } from "../observe/log.ts";
import { Frames } from "../session/frames.ts";
import type { Liveness } from "../session/liveness.ts";
import { Pool } from "../session/pool.ts";
import type { Traffic } from "../session/relay.ts";
import { request } from "../session/session.ts";
import type { Open } from "../wire/open.ts";
import type { Arrival } from "./entry/arrival.ts";

/** What carrying applications' connections needs. */
export interface DialerOptions extends System {
  /** How long what may take. */
  readonly timeouts: Timeouts;
  /** Watches the associations of sessions. */
  readonly liveness: Liveness;
  /** Whether server handlers are told where applications connect from. */
  readonly sendSource: boolean;
  /** Gets a line for each association and each session. */
  readonly log: Log;
}

let lastSession = 0;

/** Carries applications' connections to one server handler: one session, on an association of its own, for each. */
export class Dialer {
  readonly #server: Server;
  readonly #options: DialerOptions;
  readonly #pool: Pool;
  readonly #giveUp = new AbortController();
  readonly #busy = new Set<Frames>();

  /** A dialer without sessions. */
  constructor(server: Server, options: DialerOptions) {
    this.#server = server;
    this.#options = options;
    this.#pool = new Pool(options.clock, options.timeouts.idle);
  }

  /**
   * Carries a connection until it has ended, and logs how. Owns it.
   *
   * @param port The port that the server handler is asked for.
   */
  async carry(arrival: Arrival, port: number): Promise<void> {
    const { clock } = this.#options;
    const log = this.#options.log.with({
      session: ++lastSession,
      server: this.#server.name,
      port,
      from: formatAddress(arrival.connection.remote),
    });
    let frames: Frames;
    try {
      frames = this.#pool.take() ?? await this.#associate(log);
    } catch (error) {
      log.warn("session refused", { reason: reasonOf(error) });
      return await arrival.refused(error);
    }
    log.info("session", { association: frames.association.id });
    const traffic: Traffic = { sent: 0, received: 0 };
    const began = clock.now();
    const counts = () => ({
      "bytes-up": traffic.sent,
      "bytes-down": traffic.received,
      ms: Math.round(clock.now() - began),
    });
    this.#busy.add(frames);
    // Closed in the moment in which it came.
    if (this.#giveUp.signal.aborted) frames.association.abort();
    this.#options.liveness.add(frames);
    try {
      await request(this.#open(arrival, port), arrival.connection, frames, traffic, clock, arrival);
      log.info("session ended", { ...counts(), reason: "both sides ended" });
    } catch (error) {
      log.warn("session reset", { ...counts(), reason: reasonOf(error) });
    } finally {
      this.#options.liveness.remove(frames);
      this.#busy.delete(frames);
      this.#pool.give(frames);
    }
  }

  /** Aborts every session and handshake, and ends every idle association. */
  close(): void {
    this.#giveUp.abort(new Error("the handler is ending"));
    this.#pool.close();
    for (const { association } of this.#busy) association.abort();
  }

  #open({ connection: { remote } }: Arrival, port: number): Open {
    const destination = { kind: "port", port } as const;
    const address = this.#options.sendSource ? hostBytes(remote.host) : null;
    return address === null ? { destination } : { destination, source: { address, port: remote.port } };
  }

  async #associate(log: Log): Promise<Frames> {
    const { network, clock, timeouts } = this.#options;
    const { channels } = this.#server;
    const association = await initiate(channels, {
      network,
      clock,
      timeout: timeouts.handshake,
      signal: this.#giveUp.signal,
    });
    log.info("association", { association: association.id, channels: channels.length });
    return new Frames(association);
  }
}

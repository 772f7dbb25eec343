import type { Association } from "../association/association.ts";
import { reasonOf } from "../errors/errors.ts";
import type { ServerConfig } from "../config/types.ts";
import { formatAddress } from "../net/address.ts";
import { type Connection, writeAll } from "../net/connection.ts";
import { dial } from "../net/names/dial.ts";
import { bytesHost, hostBytes } from "../net/ip.ts";
import type { Lookups } from "../net/names/lookups.ts";
import type { System } from "../net/system/system.ts";
import { type Activity, refusalLabel } from "../observe/activity.ts";
import type { Log, LogFields } from "../log/log.ts";
import type { ThrottledWarning } from "../log/throttled.ts";
import { Frames, unexpected } from "../session/frames.ts";
import type { Liveness } from "../session/liveness.ts";
import type { Traffic } from "../session/relay.ts";
import { HandlerEnding, refuse, relay } from "../session/session.ts";
import { FrameType, ResultCode } from "../wire/frame.ts";
import type { FrameEncoder } from "../wire/frame_encoder.ts";
import type { Open } from "../wire/open.ts";
import { sameWorkers, type Workers } from "../wire/workers.ts";
import { proxyHeader } from "./proxy_header.ts";
import { type Endpoint, targetFor } from "./targets.ts";

/** Options of {@linkcode Service}. */
export interface ServiceOptions extends System {
  /** Returns the current targets and time limits; called for each session. */
  readonly config: () => Pick<ServerConfig, "targets" | "timeouts">;
  /** Resolves the names of targets. */
  readonly lookups: Lookups;
  /** Watches associations while they serve a session. */
  readonly liveness: Liveness;
  /** Holds the services that wait for a session. */
  readonly idle: { add(service: Service): void; remove(service: Service): void };
  /** Receives a line for each session, and at level debug for each association. */
  readonly log: Log;
  /** Logs refused sessions. */
  readonly refused: ThrottledWarning;
  /** Counts sessions. */
  readonly activity: Activity;
  /** The workers to announce to clients; null for a single one. */
  readonly workers: Workers | null;
}

/** Time limit for a client to end an association after BYE, in milliseconds. */
const BYE_TIMEOUT = 2000;

/**
 * Minimum age, in milliseconds, at which an association without an OPEN is ended silently. For a younger one, the OPEN of
 * the session that it was made for may be on its way; the answer sends the client elsewhere.
 */
const FIRST_OPEN_TIMEOUT = 1000;

/** Serves the sessions of one association in sequence. Owns the association, and ends it. */
export class Service {
  readonly #association: Association;
  readonly #frames: Frames;
  readonly #options: ServiceOptions;
  readonly #log: Log;
  readonly #began: number;
  /** The client handler's address on the first channel. */
  readonly #client: string;
  #busy = false;
  #leaving = false;
  /** Cancels connecting to a target. */
  readonly #abort = new AbortController();
  /** True if the client has named the server handler it expects, and it is another one. */
  #mistaken = false;

  /**
   * Takes ownership of an association.
   *
   * @param association New: nothing has been read from it or written to it.
   */
  constructor(association: Association, options: ServiceOptions) {
    this.#association = association;
    this.#frames = new Frames(association, options.workers);
    this.#options = options;
    this.#began = options.clock.now();
    this.#client = formatAddress(association.connections[0]!.remote);
    this.#log = options.log.with({ client: this.#client });
  }

  /** The client handler's host address on the first channel. */
  get remoteHost(): string {
    return this.#association.connections[0]!.remote.host;
  }

  /** Runs until the association has ended. */
  async run(): Promise<void> {
    const { id, connections } = this.#association;
    const log = this.#log.with({ association: id });
    log.debug("association", { channels: connections.length });
    try {
      for (let open = await this.#nextOpen(); open !== null; open = await this.#nextOpen()) {
        this.#busy = true;
        this.#frames.sessions++;
        if (this.#leaving) {
          await refuse(this.#frames, ResultCode.NotProcessed, "the handler is ending", this.#options.clock);
          break;
        }
        if (this.#mistaken) {
          this.#refused({ reason: "the client expects another server handler, or an earlier start of this one" });
          this.#options.activity.refusals.count(refusalLabel(ResultCode.NotProcessed));
          await refuse(this.#frames, ResultCode.NotProcessed, "another server handler", this.#options.clock);
          break;
        }
        this.#options.liveness.add(this.#frames);
        await this.#session(open);
        this.#options.liveness.remove(this.#frames);
        this.#busy = false;
        if (this.#association.ended) break;
        if (this.#leaving) this.#bye();
      }
      log.debug("association ended", { sessions: this.#frames.sessions });
    } catch (error) {
      log.warn("association failed", { sessions: this.#frames.sessions, reason: reasonOf(error) });
    } finally {
      this.#association.end();
    }
  }

  /**
   * Serves no further session: sends BYE now, or at the end of the current session, and the client ends the association.
   * An OPEN that crosses BYE is refused, and the client uses another association.
   */
  leave(): void {
    this.#leaving = true;
    if (!this.#busy) this.#bye();
  }

  /** Ends an association without a session, to make room: immediately if the client has never requested one. */
  evict(): void {
    if (this.#frames.sessions === 0) this.#association.end();
    else this.leave();
  }

  #bye(): void {
    const { clock } = this.#options;
    const endIfIdle = () => {
      if (!this.#busy) this.#association.end();
    };
    // Send nothing before the first OPEN.
    if (this.#frames.sessions === 0) {
      const age = clock.now() - this.#began;
      if (age >= FIRST_OPEN_TIMEOUT) return endIfIdle();
      clock.after(FIRST_OPEN_TIMEOUT - age, endIfIdle);
      return;
    }
    this.#frames.send((encoder) => encoder.bye()).catch(() => {});
    clock.after(BYE_TIMEOUT, endIfIdle);
  }

  /** Aborts the association and its session. */
  abort(): void {
    this.#abort.abort(new HandlerEnding());
    this.#association.abort();
  }

  /** Waits for the next OPEN. @returns Null if the client has ended the association, or stayed idle for too long. */
  async #nextOpen(): Promise<Open | null> {
    const { clock, config, idle } = this.#options;
    idle.add(this);
    // Twice the client's limit: the client ends an unused association first, so that no OPEN crosses the end.
    const cancel = clock.after(2 * config().timeouts.idle, () => this.#association.end());
    try {
      let frame = await this.#frames.receive();
      if (frame?.type === FrameType.Workers) {
        const { workers } = this.#options;
        this.#mistaken = workers === null || !sameWorkers(workers, frame.workers);
        frame = await this.#frames.receive();
      }
      if (frame === null || frame.type === FrameType.Bye) return null;
      // Belongs to the session that has just ended here: the client's application left before it had everything.
      if (frame.type === FrameType.Reset && this.#frames.sessions > 0) return null;
      if (frame.type !== FrameType.Open) throw unexpected(frame, "where OPEN was due");
      return frame.open;
    } catch (error) {
      if (this.#association.ended) return null;
      throw error;
    } finally {
      idle.remove(this);
      cancel();
    }
  }

  async #session(open: Open): Promise<void> {
    const { destination } = open;
    const { clock } = this.#options;
    const { targets } = this.#options.config();
    const fields = { port: destination.port, ...sourceFields(open) };
    const endpoint = targetFor(targets, destination);
    if (endpoint === null) {
      this.#refused({ ...fields, reason: "no target for this port is configured" });
      this.#options.activity.refusals.count(refusalLabel(ResultCode.NotAllowed));
      return await refuse(this.#frames, ResultCode.NotAllowed, "no target for this port", clock);
    }
    const target = formatAddress(endpoint);
    let application: Connection;
    try {
      application = await this.#connect(endpoint, open);
    } catch (error) {
      const refused = error instanceof Deno.errors.ConnectionRefused;
      this.#refused({ ...fields, target, reason: reasonOf(error) });
      this.#options.activity.refusals.count(refusalLabel(refused ? ResultCode.Refused : ResultCode.Unreachable));
      const text = refused ? "the target refused the connection" : "the target can't be reached";
      return await refuse(this.#frames, refused ? ResultCode.Refused : ResultCode.Unreachable, text, clock);
    }
    const log = this.#log.with({ session: this.#frames.session, ...fields, target });
    log.debug("session");
    const traffic: Traffic = { sent: 0, received: 0 };
    const began = clock.now();
    const ended = this.#options.activity.session({
      id: this.#frames.session,
      ...sourceFields(open),
      to: target,
      port: destination.port,
      association: this.#association,
      traffic,
    });
    const counts = () => ({
      "bytes-up": traffic.received,
      "bytes-down": traffic.sent,
      ms: Math.round(clock.now() - began),
    });
    try {
      await relay(application, this.#frames, { traffic, answered: this.#accept(), clock });
      ended();
      log.info("session ended", { ...counts(), reason: "both sides ended" });
    } catch (error) {
      ended(error);
      log.warn("session reset", { ...counts(), reason: reasonOf(error) });
    }
  }

  #refused(fields: LogFields): void {
    this.#options.refused.warn({ session: this.#frames.session, client: this.#client, ...fields });
  }

  /** Sends RESULT 0; together with the target's first bytes if the application has spoken and the target may answer soon. */
  async #accept(): Promise<void> {
    const result = (encoder: FrameEncoder) => encoder.result(ResultCode.Ok);
    if (this.#frames.more) this.#frames.sendSoon(result, this.#options.clock);
    else await this.#frames.send(result);
  }

  async #connect(endpoint: Endpoint, open: Open): Promise<Connection> {
    const { network, clock, lookups } = this.#options;
    const { timeouts } = this.#options.config();
    const { signal } = this.#abort;
    const connection = await dial(endpoint, {
      network,
      clock,
      lookups,
      timeout: timeouts.connect,
      signal,
      source: this.remoteHost,
    });
    connection.keepAlive?.(timeouts.keepalive);
    if (endpoint.proxy) await this.#sendProxyHeader(connection, open);
    return connection;
  }

  /** Tells the target the application's address, ahead of the application's first byte. */
  async #sendProxyHeader(target: Connection, { source, destination: { port } }: Open): Promise<void> {
    const hosts = this.#association.connections.map(({ local }) => hostBytes(local.host));
    const destinations = hosts.flatMap((address) => address === null ? [] : [{ address, port }]);
    try {
      await writeAll(target, proxyHeader(source ?? null, destinations));
    } catch (error) {
      target.close();
      throw error;
    }
  }
}

/** The application's address as log fields, if the client sends it. */
function sourceFields({ source }: Open): { from?: string } {
  if (source === undefined) return {};
  return { from: formatAddress({ host: bytesHost(source.address), port: source.port }) };
}

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
import { refuse, relay } from "../session/session.ts";
import { FrameType, ResultCode } from "../wire/frame.ts";
import type { FrameEncoder } from "../wire/frame_encoder.ts";
import type { Open } from "../wire/open.ts";
import { sameWorkers, type Workers } from "../wire/workers.ts";
import { proxyHeader } from "./proxy_header.ts";
import { type Endpoint, targetFor } from "./targets.ts";

/** What serving associations needs. */
export interface ServiceOptions extends System {
  /** Where sessions may lead, and how long what may take; looked at for each session. */
  readonly config: Pick<ServerConfig, "targets" | "timeouts">;
  /** Finds the addresses of targets. */
  readonly lookups: Lookups;
  /** Watches the associations of sessions. */
  readonly liveness: Liveness;
  /** Told when the association begins and ceases to wait for a session. */
  readonly idle: { add(service: Service): void; remove(service: Service): void };
  /** Gets a line for each session, and at level debug for each association. */
  readonly log: Log;
  /** Gets a line for each session that is refused. */
  readonly refused: ThrottledWarning;
  /** Is told of sessions. */
  readonly activity: Activity;
  /** What clients are told of this server handler's workers; null for nothing. */
  readonly workers: Workers | null;
}

/** How long a client may take to end an association that was said BYE to, in milliseconds. */
const GOODBYE_TIMEOUT = 2000;

/**
 * How old an association is at least when it is ended without a word because no OPEN has come, in milliseconds. The OPEN of
 * a session that it was made for is on its way in a younger one, and is answered: the client asks elsewhere then.
 */
const FIRST_OPEN_TIMEOUT = 1000;

/** Serves the sessions of one association, one after the other; owns the association and ends it. */
export class Service {
  readonly #association: Association;
  readonly #frames: Frames;
  readonly #options: ServiceOptions;
  readonly #log: Log;
  readonly #began: number;
  /** The client handler's address, on the first channel. */
  readonly #client: string;
  #busy = false;
  #leaving = false;
  /** Gives up the connection to a target that is being made. */
  #giveUp: AbortController | null = null;
  #aborted = false;
  /** Whether the client has told which server handler it means, and it is not this one. */
  #mistaken = false;

  /**
   * Takes the association over.
   *
   * @param association Nothing has been read from it, or written to it.
   * @param options What serving needs.
   */
  constructor(association: Association, options: ServiceOptions) {
    this.#association = association;
    this.#frames = new Frames(association, options.workers);
    this.#options = options;
    this.#began = options.clock.now();
    this.#client = formatAddress(association.connections[0]!.remote);
    this.#log = options.log.with({ client: this.#client });
  }

  /** The host address that its first channel comes from. */
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
          this.#refused({ reason: "the client means another server handler, or an earlier start" });
          this.#options.activity.refusals.count(refusalLabel(ResultCode.NotProcessed));
          await refuse(this.#frames, ResultCode.NotProcessed, "another server handler", this.#options.clock);
          break;
        }
        this.#options.liveness.add(this.#frames);
        await this.#session(open);
        this.#options.liveness.remove(this.#frames);
        this.#busy = false;
        if (this.#association.ended) break;
        if (this.#leaving) this.#goodbye();
      }
      log.debug("association ended", { sessions: this.#frames.sessions });
    } catch (error) {
      log.warn("association failed", { sessions: this.#frames.sessions, reason: reasonOf(error) });
    } finally {
      this.#association.end();
    }
  }

  /**
   * Serves no further session: tells the client now, or when the session under way has ended, and the client ends the
   * association. An OPEN that crosses that is answered: the client then takes another association.
   */
  leave(): void {
    this.#leaving = true;
    if (!this.#busy) this.#goodbye();
  }

  /** Ends an association that serves no session, to make room: at once where the client has not asked for one yet. */
  evict(): void {
    if (this.#frames.sessions === 0) this.#association.end();
    else this.leave();
  }

  #goodbye(): void {
    const { clock } = this.#options;
    const end = () => {
      if (!this.#busy) this.#association.end();
    };
    // Before the first OPEN the server handler says nothing.
    if (this.#frames.sessions === 0) {
      const age = clock.now() - this.#began;
      if (age >= FIRST_OPEN_TIMEOUT) return end();
      clock.after(FIRST_OPEN_TIMEOUT - age, end);
      return;
    }
    this.#frames.send((encoder) => encoder.bye()).catch(() => {});
    clock.after(GOODBYE_TIMEOUT, end);
  }

  /** Ends the association, and resets the session under way. */
  abort(): void {
    this.#aborted = true;
    this.#giveUp?.abort(ending());
    this.#association.abort();
  }

  /** Waits for the client's next OPEN: null when the client has gone, or asks for nothing for too long. */
  async #nextOpen(): Promise<Open | null> {
    const { clock, config, idle } = this.#options;
    idle.add(this);
    // The client gives up an unused association first, so that no OPEN crosses the end.
    const cancel = clock.after(2 * config.timeouts.idle, () => this.#association.end());
    try {
      let frame = await this.#frames.receive();
      if (frame?.type === FrameType.Workers) {
        const { workers } = this.#options;
        this.#mistaken = workers === null || !sameWorkers(workers, frame.workers);
        frame = await this.#frames.receive();
      }
      if (frame === null || frame.type === FrameType.Bye) return null;
      // Of the session that has just ended here: the client's application was gone before it had all.
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
    const { config, clock } = this.#options;
    const fields = { port: destination.port, ...sourceFields(open) };
    const endpoint = targetFor(config.targets, destination);
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
      await relay(application, this.#frames, traffic, this.#accept(), clock);
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

  /** Sends RESULT 0: with the target's first bytes, where the application has spoken and its target may answer at once. */
  async #accept(): Promise<void> {
    const result = (encoder: FrameEncoder) => encoder.result(ResultCode.Ok);
    if (this.#frames.more) this.#frames.sendSoon(result, this.#options.clock);
    else await this.#frames.send(result);
  }

  async #connect(to: Endpoint, open: Open): Promise<Connection> {
    const { config: { timeouts } } = this.#options;
    const giveUp = this.#giveUp = new AbortController();
    if (this.#aborted) giveUp.abort(ending());
    const source = this.#association.connections[0]!.remote.host;
    try {
      const connection = await dial(to, { ...this.#options, timeout: timeouts.connect, signal: giveUp.signal, source });
      connection.keepAlive?.(timeouts.keepalive);
      if (to.proxy) await this.#introduce(connection, open);
      return connection;
    } finally {
      this.#giveUp = null;
    }
  }

  /** Tells a target where the application connects from, before the application's first byte. */
  async #introduce(target: Connection, { source, destination: { port } }: Open): Promise<void> {
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

function ending(): Error {
  return new Error("the handler is ending");
}

/** Where the application connects from, where the client says it. */
function sourceFields({ source }: Open): { from?: string } {
  if (source === undefined) return {};
  return { from: formatAddress({ host: bytesHost(source.address), port: source.port }) };
}

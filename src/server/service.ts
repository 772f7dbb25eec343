import type { Association } from "../association/association.ts";
import type { ClientDirectory } from "../authenticate/client_directory.ts";
import type { ServerConfig } from "../config/types.ts";
import { reasonOf } from "../errors/errors.ts";
import type { Key } from "../identify/key.ts";
import type { Log, LogFields } from "../log/log.ts";
import type { ThrottledWarning } from "../log/throttled.ts";
import { formatAddress } from "../net/address.ts";
import { type Connection, writeAll } from "../net/connection.ts";
import { bytesHost, hostBytes } from "../net/ip.ts";
import { dial } from "../net/names/dial.ts";
import type { Lookups } from "../net/names/lookups.ts";
import type { System } from "../net/system/system.ts";
import { type Activity, refusalLabel } from "../observe/activity.ts";
import { Incoming } from "../session/incoming.ts";
import type { Liveness } from "../session/liveness.ts";
import { Outgoing } from "../session/outgoing.ts";
import { relay } from "../session/session.ts";
import type { Traffic } from "../session/traffic.ts";
import type { CreditBudget } from "../streams/credit_budget.ts";
import { HandlerEnding, type TargetError } from "../streams/errors.ts";
import { Multiplexer } from "../streams/multiplexer.ts";
import { Rejoinable, type RejoinRegistry } from "../association/rejoin_acceptor.ts";
import type { ByteBudget } from "../net/byte_budget.ts";
import type { ChannelBreaks } from "../observe/channel_breaks.ts";
import type { Stream } from "../streams/stream.ts";
import { ResultCode } from "../wire/frame.ts";
import type { Open } from "../wire/open.ts";
import { sameWorkers, type Workers } from "../wire/workers.ts";
import { Admission } from "./admission.ts";
import type { Capacity } from "./capacity.ts";
import { proxyHeader } from "./proxy_header.ts";
import { type Endpoint, targetFor } from "./targets.ts";

/** Options of {@linkcode Service}. */
export interface ServiceOptions extends System {
  /** Returns the current targets and time limits; called for each session. */
  readonly config: () => Pick<ServerConfig, "targets" | "timeouts" | "padding">;
  /** Resolves the names of targets. */
  readonly lookups: Lookups;
  /** Watches associations while they have streams. */
  readonly liveness: Liveness;
  /** Admits sessions, and may evict a service without one. */
  readonly capacity: Capacity;
  /** Limits on the streams of an association. */
  readonly limits: () => { readonly streams: number; readonly credit: number };
  /** Credit of all associations together. */
  readonly budget: CreditBudget;
  /** Shares that are kept until clients have joined them. */
  readonly kept: ByteBudget;
  /** Finds channels that are joined again. */
  readonly rejoins: RejoinRegistry;
  /** Reports broken channels. */
  readonly breaks: ChannelBreaks;
  /** Receives a line for each session, and at level debug for each association. */
  readonly log: Log;
  /** Logs failed associations. */
  readonly failed: ThrottledWarning;
  /** Logs refused sessions. */
  readonly refused: ThrottledWarning;
  /** Counts sessions. */
  readonly activity: Activity;
  /** The workers to announce to clients; null for a single one. */
  readonly workers: Workers | null;
  /** Returns the server's Ed25519 keys that can sign. */
  readonly keys: () => readonly Key[];
  /** Returns the clients known now. */
  readonly clients: () => ClientDirectory;
  /** Logs refused clients. */
  readonly denied: ThrottledWarning;
}

/** Time limit for a client to end an association after BYE, in milliseconds. */
const BYE_TIMEOUT = 2000;

/**
 * Minimum age, in milliseconds, at which an association without an OPEN is ended silently. For a younger one, the OPEN of
 * the session that it was made for may be on its way; the answer sends the client elsewhere.
 */
const FIRST_OPEN_TIMEOUT = 1000;

/** Serves the sessions of one association, side by side. Owns the association, and ends it. */
export class Service {
  readonly #association: Association;
  readonly #multiplexer: Multiplexer;
  readonly #options: ServiceOptions;
  readonly #log: Log;
  readonly #began: number;
  /** The client handler's host address on the first channel. */
  readonly remoteHost: string;
  /** Its whole address. */
  readonly #client: string;
  /** Cancels connecting to targets. */
  readonly #abort = new AbortController();
  readonly #sessions = new Map<Promise<void>, Incoming>();
  readonly #admission: Admission;
  #cancelIdle: () => void = () => {};

  /** Takes ownership of an association. @param association New: nothing has been read from it or written to it. */
  constructor(association: Association, options: ServiceOptions) {
    const { clock, log, budget, workers, limits, activity } = options;
    this.#association = association;
    this.#options = options;
    this.#began = clock.now();
    const { remote } = association.connections[0]!;
    this.remoteHost = remote.host;
    this.#client = formatAddress(remote);
    this.#log = log.with({ client: this.#client });
    this.#admission = new Admission(association, options);
    const rejoinable = new Rejoinable(association, {
      registry: options.rejoins,
      clock,
      timeout: () => options.config().timeouts.rejoin,
      budget: options.kept,
      agreed: () => this.#multiplexer.acknowledges,
      inUse: () => this.#multiplexer.inUse,
      events: options.breaks.of(association, { client: this.#client }),
      offer: (offer) => this.#multiplexer.offer(offer),
    });
    this.#multiplexer = new Multiplexer(association, {
      offer: () => rejoinable.begin(),
      authentication: this.#admission.authentication,
      clock,
      budget,
      workers,
      counters: activity,
      padding: () => options.config().padding,
      maxCredit: () => limits().credit,
      maxStreams: () => limits().streams,
      opened: (stream, open) => this.#opened(stream, open),
      changed: () => this.#changed(),
    });
  }

  /** Runs until the association and its sessions have ended. */
  async run(): Promise<void> {
    const { id, connections, over } = this.#association;
    const log = this.#log.with({ association: id });
    log.debug("association", { channels: connections.length });
    const { capacity, failed, liveness, config } = this.#options;
    liveness.add(this.#multiplexer);
    this.#changed();
    this.#admission.begin(config().timeouts.handshake, (verdict) => this.#multiplexer.follow(verdict));
    await over;
    liveness.remove(this.#multiplexer);
    this.#cancelIdle();
    capacity.removeIdle(this);
    this.#abort.abort(new HandlerEnding());
    const { failure, fault } = this.#association;
    const sessions = this.#multiplexer.opened;
    // A client that was refused resets its channels; the refusal was logged.
    const refused = this.#admission.authentication.denied;
    if (!refused && (fault !== null || failure !== null && failure.cause !== null)) {
      failed.warn({ client: this.#client, association: id, sessions, reason: reasonOf(fault ?? failure) });
    } else log.debug("association ended", { sessions });
    await Promise.all(this.#sessions.keys());
  }

  /**
   * Serves no further session: sends BYE now, and the client ends the association when its sessions are over. An OPEN that
   * crosses BYE is not processed, and the client uses another association.
   */
  leave(): void {
    if (this.#multiplexer.leaving) return;
    this.#multiplexer.leave();
    if (this.#multiplexer.size > 0) return;
    const { clock } = this.#options;
    const age = clock.now() - this.#began;
    if (this.#multiplexer.opened > 0) clock.after(BYE_TIMEOUT, () => this.#association.end());
    else if (age >= FIRST_OPEN_TIMEOUT) this.#association.end();
    else clock.after(FIRST_OPEN_TIMEOUT - age, () => this.#association.end());
  }

  /** Ends an association without a session, to make room: immediately if the client has never requested one. */
  evict(): void {
    if (this.#multiplexer.opened === 0) this.#association.end();
    else this.leave();
  }

  /** Ends the association and its sessions if its client is not admitted any more, after the clients have changed. */
  review(): void {
    // Without a session, a client that is not known may be about to prove its identity; its next OPEN is refused otherwise.
    if (this.#admission.client === null && this.#multiplexer.size === 0) return;
    const refusal = this.#admission.review();
    if (refusal !== null) this.#multiplexer.follow(refusal);
  }

  /** Aborts the association and its sessions. */
  abort(): void {
    this.#association.abort();
    // Streams that are over no longer fail: their targets may still be reading.
    for (const incoming of this.#sessions.values()) incoming.failed(new HandlerEnding());
  }

  /** Called when the first stream opens and when the last is over. */
  #changed(): void {
    const { config, capacity } = this.#options;
    if (this.#association.ended) return;
    if (this.#multiplexer.size > 0) {
      capacity.removeIdle(this);
      return this.#cancelIdle();
    }
    if (this.#multiplexer.leaving) return this.#endAfter(BYE_TIMEOUT);
    // Twice the client's limit: the client ends an unused association first, so that no OPEN crosses the end.
    this.#endAfter(2 * config().timeouts.idle);
    capacity.addIdle(this);
  }

  #endAfter(ms: number): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#options.clock.after(ms, () => this.#association.end());
  }

  #opened(stream: Stream, open: Open): void {
    const traffic: Traffic = { sent: 0, received: 0 };
    const incoming = new Incoming(traffic);
    stream.receiver = incoming;
    const session = this.#session(stream, open, { incoming, traffic }).finally(() => {
      this.#sessions.delete(session);
      this.#multiplexer.release();
    });
    this.#sessions.set(session, incoming);
  }

  async #session(
    stream: Stream,
    open: Open,
    { incoming, traffic }: { readonly incoming: Incoming; readonly traffic: Traffic },
  ): Promise<void> {
    const { config, clock, activity, capacity, workers } = this.#options;
    const { destination } = open;
    const session = `${this.#association.id}.${stream.number}`;
    const { client } = this.#admission, name = client?.name;
    const fields = { session, name, port: destination.port, ...sourceFields(open) };
    const expected = this.#multiplexer.workers;
    if (expected !== null && (workers === null || !sameWorkers(workers, expected))) {
      const reason = "the client expects another server handler, or an earlier start of this one";
      return this.#refuse(stream, { ...fields, reason }, ResultCode.NotProcessed, "another server handler");
    }
    const endpoint = targetFor(config().targets, destination);
    if (endpoint === null) {
      const reason = "no target for this port is configured";
      return this.#refuse(stream, { ...fields, reason }, ResultCode.NotAllowed, "no target for this port");
    }
    if (client !== null && client.ports !== null && !client.ports.includes(destination.port)) {
      const reason = "this client may not reach this port";
      return this.#refuse(stream, { ...fields, reason }, ResultCode.NotAllowed, reason);
    }
    if (!capacity.take(this.remoteHost, client)) {
      stream.answer(ResultCode.Overloaded, "session limit reached");
      return activity.refusals.count(refusalLabel(ResultCode.Overloaded));
    }
    try {
      const target = formatAddress(endpoint);
      let application: Connection;
      try {
        application = await this.#connect(endpoint, open);
      } catch (error) {
        const refused = error instanceof Deno.errors.ConnectionRefused;
        const text = refused ? "the target refused the connection" : "the target can't be reached";
        const code = refused ? ResultCode.Refused : ResultCode.Unreachable;
        return this.#refuse(stream, { ...fields, target, reason: reasonOf(error) }, code, text);
      }
      const log = this.#log.with({ ...fields, target });
      log.debug("session");
      const began = clock.now();
      const ended = activity.session({
        id: session,
        ...name !== undefined && { client: name },
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
        stream.answer(ResultCode.Ok);
        await relay(application, stream, { incoming, sent: new Outgoing(application, traffic).pump(stream) });
        ended();
        log.info("session ended", { ...counts(), reason: "both sides ended" });
      } catch (error) {
        ended(error);
        log.warn("session reset", { ...counts(), reason: reasonOf(error) });
      }
    } finally {
      capacity.give(this.remoteHost, client);
    }
  }

  #refuse(stream: Stream, fields: LogFields, code: TargetError["code"], text: string): void {
    this.#options.refused.warn({ client: this.#client, ...fields });
    this.#options.activity.refusals.count(refusalLabel(code));
    stream.answer(code, text);
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

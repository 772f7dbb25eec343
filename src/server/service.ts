import type { WaitingPlace } from "../association/admission_queue.ts";
import type { Association } from "../association/association.ts";
import { List } from "../collections/list.ts";
import { reasonOf } from "../errors/errors.ts";
import type { Log, LogFields } from "../log/log.ts";
import { formatAddress } from "../net/address.ts";
import { type Connection, writeAll } from "../net/connection.ts";
import { bytesHost, hostBytes } from "../net/ip.ts";
import { dial } from "../net/names/dial.ts";
import { refusalLabel } from "../observe/activity.ts";
import { FlowStream } from "../session/flow_stream.ts";
import { Incoming } from "../session/incoming.ts";
import { Outgoing } from "../session/outgoing.ts";
import { relay } from "../session/session.ts";
import type { Traffic } from "../session/traffic.ts";
import { HandlerEnding, type TargetError } from "../streams/errors.ts";
import { Multiplexer } from "../streams/multiplexer.ts";
import { Rejoinable } from "../association/rejoin_acceptor.ts";
import type { Stream, StreamReceiver } from "../streams/stream.ts";
import { ResultCode } from "../wire/frame.ts";
import type { Open } from "../wire/open.ts";
import { sameWorkers } from "../wire/workers.ts";
import { Admission } from "./admission.ts";
import { AssociationFlows } from "./association_flows.ts";
import { proxyHeader } from "./proxy_header.ts";
import type { ServiceOptions } from "./service_options.ts";
import { type Endpoint, targetFor } from "./targets.ts";

/** A session that was requested. */
interface RequestedSession {
  readonly stream: Stream;
  readonly open: Open;
  readonly traffic: Traffic;
  /** The stream's receiver. */
  readonly receiver: Incoming | FlowStream;
}

/** Fields of a session's log lines. */
interface SessionFields extends LogFields {
  readonly session: string;
  readonly name: string | undefined;
  readonly target: string;
}

/** Answers OPEN, and carries the session until it is over. */
type Carry = () => Promise<void>;

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
  /** Its place among the associations without a session. */
  place: WaitingPlace | null = null;
  /** Its whole address. */
  readonly #client: string;
  /** Cancels connecting to targets. */
  readonly #abort = new AbortController();
  readonly #sessions = new List<{ readonly ended: Promise<void>; readonly receiver: StreamReceiver }>();
  readonly #flows: AssociationFlows;
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
    this.#flows = new AssociationFlows(association, {
      ...options,
      source: this.remoteHost,
      timeouts: () => options.config().timeouts,
      handOut: (means) => this.#multiplexer.handOut(means),
    });
    const breaks = options.breaks.of(association, { client: this.#client });
    const rejoined = (index: number, ms: number) => {
      breaks.rejoined(index, ms);
      this.#flows.joined(index);
    };
    const rejoinable = new Rejoinable(association, {
      registry: options.rejoins,
      clock,
      timeout: () => options.config().timeouts.rejoin,
      budget: options.kept,
      agreed: () => this.#multiplexer.acknowledges,
      inUse: () => this.#multiplexer.inUse,
      events: { ...breaks, rejoined },
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
      datagrams: (means) => this.#flows.accept(means),
      changed: () => this.#changed(),
    });
  }

  /** Runs until the association and its sessions have ended. */
  async run(): Promise<void> {
    const { id, connections, shares, over } = this.#association;
    const log = this.#log.with({ association: id });
    log.debug("association", { channels: connections.length, shares });
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
    await Promise.all(Array.from(this.#sessions, ({ ended }) => ended));
  }

  /**
   * Serves no further session: sends BYE now, and the client ends the association when its sessions are over. An OPEN that
   * crosses BYE is not processed, and the client uses another association.
   */
  leave(): void {
    if (this.#multiplexer.leaving) return;
    this.#multiplexer.leave();
    this.#flows.leave();
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
    for (const { receiver } of this.#sessions) receiver.failed(new HandlerEnding());
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
    const receiver = open.destination.kind === "datagrams" ? new FlowStream() : new Incoming(traffic);
    stream.receiver = receiver;
    const flow = open.destination.kind === "datagrams" ? open.destination.flow : null;
    // Here, where it throws into the frames: nothing behind a violation is used.
    if (flow !== null) this.#flows.reserve(flow, stream);
    const ended = this.#session({ stream, open, traffic, receiver }).then(() => {
      this.#sessions.remove(place);
      if (flow !== null) this.#flows.release(flow, stream);
      this.#multiplexer.release();
    });
    const place = this.#sessions.add({ ended, receiver });
  }

  async #session(requested: RequestedSession): Promise<void> {
    const { stream, open } = requested, { client } = this.#admission;
    const session = `${this.#association.id}.${stream.number}`;
    const fields = { session, name: client?.name, port: open.destination.port, ...sourceFields(open) };
    const endpoint = this.#admit(requested, fields);
    if (endpoint === null) return;
    const { capacity, activity } = this.#options;
    if (!capacity.take(this.remoteHost, client)) {
      stream.answer(ResultCode.Overloaded, "session limit reached");
      return activity.refusals.count(refusalLabel(ResultCode.Overloaded));
    }
    try {
      const reached = { ...fields, target: formatAddress(endpoint) };
      const carry = await this.#reach(requested, endpoint, reached);
      if (carry !== null) await this.#carry(requested, reached, carry);
    } finally {
      capacity.give(this.remoteHost, client);
    }
  }

  /** Finds the target of a session that the client may reach. @returns Null after refusing it. */
  #admit({ stream, open: { destination } }: RequestedSession, fields: LogFields): Endpoint | null {
    const { config, workers } = this.#options, { client } = this.#admission;
    const expected = this.#multiplexer.workers;
    if (expected !== null && (workers === null || !sameWorkers(workers, expected))) {
      const reason = "the client expects another server handler, or an earlier start of this one";
      this.#refuse(stream, { ...fields, reason }, ResultCode.NotProcessed, "another server handler");
      return null;
    }
    const { targets, udpTargets } = config();
    const endpoint = targetFor(destination.kind === "datagrams" ? udpTargets : targets, destination);
    if (endpoint === null) {
      const reason = `no ${destination.kind === "datagrams" ? "UDP target" : "target"} for this port is configured`;
      this.#refuse(stream, { ...fields, reason }, ResultCode.NotAllowed, reason.replace(" is configured", ""));
      return null;
    }
    if (client !== null && client.ports !== null && !client.ports.includes(destination.port)) {
      const reason = "this client may not reach this port";
      this.#refuse(stream, { ...fields, reason }, ResultCode.NotAllowed, reason);
      return null;
    }
    return endpoint;
  }

  /** Connects a session's target. @returns Answers and carries the session; null after refusing it. */
  async #reach(requested: RequestedSession, endpoint: Endpoint, fields: LogFields): Promise<Carry | null> {
    const { stream, open, traffic, receiver } = requested, { destination } = open;
    try {
      if (receiver instanceof FlowStream && destination.kind === "datagrams") {
        const flow = await this.#flows.open(destination.flow, endpoint, traffic);
        if (flow !== null) return () => this.#flows.carry(flow, stream, receiver);
        const reason = "this server handler carries no datagrams";
        this.#refuse(stream, { ...fields, reason }, ResultCode.NotAllowed, reason);
        return null;
      }
      const application = await this.#connect(endpoint, open), incoming = receiver as Incoming;
      return () => {
        stream.answer(ResultCode.Ok);
        const outgoing = new Outgoing(application, traffic);
        outgoing.pump(stream);
        return relay(application, stream, { incoming, outgoing });
      };
    } catch (error) {
      const refused = error instanceof Deno.errors.ConnectionRefused;
      const text = refused ? "the target refused the connection" : "the target can't be reached";
      const code = refused ? ResultCode.Refused : ResultCode.Unreachable;
      this.#refuse(stream, { ...fields, reason: reasonOf(error) }, code, text);
      return null;
    }
  }

  /** Carries a session until it is over, and logs the outcome. */
  #carry({ open, traffic }: RequestedSession, fields: SessionFields, carry: Carry): Promise<void> {
    const { clock, activity } = this.#options, { destination } = open;
    const isFlow = destination.kind === "datagrams", event = isFlow ? "flow" : "session";
    const log = this.#log.with(fields);
    log.debug(event);
    const began = clock.now();
    const place = activity.session({
      id: fields.session,
      ...fields.name !== undefined && { client: fields.name },
      ...sourceFields(open),
      to: fields.target,
      port: destination.port,
      association: this.#association,
      traffic,
      ...isFlow && { datagrams: true },
    });
    // Not an async function, whose state would stay in memory in addition to that of #session.
    return carry().then(() => {
      activity.sessionOver(place);
      log.info(`${event} ended`, { ...counts(traffic, clock.now() - began), reason: "both sides ended" });
    }, (error) => {
      activity.sessionOver(place, error);
      log.warn(`${event} reset`, { ...counts(traffic, clock.now() - began), reason: reasonOf(error) });
    });
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

/** A session's bytes and duration as log fields. */
function counts({ sent, received }: Traffic, ms: number): LogFields {
  return { "bytes-up": received, "bytes-down": sent, ms: Math.round(ms) };
}

/** The application's address as log fields, if the client sends it. */
function sourceFields({ source }: Open): { from?: string } {
  if (source === undefined) return {};
  return { from: formatAddress({ host: bytesHost(source.address), port: source.port }) };
}

import { initiate } from "../../association/initiate.ts";
import { ClientAuthentication } from "../../authenticate/client_authentication.ts";
import { mayPass } from "../../association/outcome.ts";
import { Rejoiner } from "../../association/rejoin.ts";
import type { ClientConfig } from "../../config/types.ts";
import { reasonOf } from "../../errors/errors.ts";
import type { Log } from "../../log/log.ts";
import { DeniedError } from "../../authenticate/denied_error.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import { type Address, portAbove } from "../../net/address.ts";
import { retry } from "../../net/retry.ts";
import type { System } from "../../net/system/system.ts";
import type { Activity } from "../../observe/activity.ts";
import type { ChannelBreaks } from "../../observe/channel_breaks.ts";
import type { Levels } from "../../observe/observable.ts";
import { deadline } from "../../time/deadline.ts";
import type { ByteBudget } from "../../net/byte_budget.ts";
import type { PadSource } from "../../sharing/system_pads.ts";
import type { Liveness } from "../../session/liveness.ts";
import type { CreditBudget } from "../../streams/credit_budget.ts";
import { HandlerEnding } from "../../streams/errors.ts";
import { Multiplexer } from "../../streams/multiplexer.ts";
import type { Stream, StreamReceiver } from "../../streams/stream.ts";
import type { Open } from "../../wire/open.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import type { Count } from "../../workers/worker_group.ts";
import { Full, NoRoom } from "./association_errors.ts";
import { authenticated } from "./authenticate.ts";
import { DatagramLinks, type DatagramLinksOptions } from "./datagram_links.ts";
import { HandshakeQueue } from "./handshake_queue.ts";
import { Pool, type Pooled } from "./pool.ts";
import { sharingWith } from "./sharing.ts";
import { UnreachedWorkers } from "./unreached_workers.ts";
import { WorkerBalancer } from "./worker_balancer.ts";

/** Options of {@linkcode Associations}. */
export interface AssociationsOptions extends System, DatagramLinksOptions {
  /** Current time limits, and numbers of associations. */
  readonly config: () => Pick<
    ClientConfig,
    "timeouts" | "warm" | "associations" | "limits" | "padding" | "shares" | "threshold"
  >;
  /** Source of pads. */
  readonly pads: PadSource;
  /** Watches associations while they have streams. */
  readonly liveness: Liveness;
  /** Credit of the handler's streams beyond the first of each. */
  readonly budget: CreditBudget;
  /** Shares that are kept until the server handlers have joined them. */
  readonly kept: ByteBudget;
  /** Reports broken channels. */
  readonly breaks: ChannelBreaks;
  /** Gets a debug line for each association. */
  readonly log: Log;
  /** Gets a line for each failed association. */
  readonly failed: ThrottledWarning;
  /** Gets a line for each unreachable worker. */
  readonly unreached: ThrottledWarning;
  /** Returns false if there is no room for the channels of another association; the limit is reported. */
  readonly room: (channels: number) => boolean;
  /** Counts channels. */
  readonly channels: Count;
  /** Counts associations and their failures. */
  readonly activity: Activity;
  /** True if a rule sends connections to an address back to this handler; a handshake is not repeated then. */
  readonly cameBack?: (to: Address) => boolean;
}

/** State of an association as to repeating a session's request; see `RequestOptions.reused`. */
export type Freshness = "fresh" | "stale";

/** A request to the server handler; a function if it depends on the association. */
export type Request = Open | ((multiplexer: Multiplexer) => Open);

/** A stream for a session. */
export interface Obtained extends Pooled {
  /** The stream. */
  readonly stream: Stream;
  /** Null on a new association. */
  readonly state: Freshness | null;
}

/**
 * The associations with one server handler. Sessions share them, up to `associations`, and further ones are made when bulk
 * flows fill the others or all streams are in use; or each session has one of its own (the paper's shape). Chooses the worker
 * of each, keeps some ready ahead of demand, and owns them all.
 */
export class Associations {
  readonly #server: ResolvedServer;
  readonly #options: AssociationsOptions;
  readonly #pool: Pool;
  readonly #handshakes: HandshakeQueue;
  /** The associations' datagrams. */
  readonly links: DatagramLinks;
  readonly #balancer: WorkerBalancer;
  readonly #closing = new AbortController();
  #warming = 0;
  /** A handshake that all sessions without an association wait for. */
  #growing: Promise<Pooled> | null = null;
  readonly #unreached: UnreachedWorkers;
  /** Sessions that wait for a stream. */
  readonly #waiting: (() => void)[] = [];
  /** True from a handshake that failed after all retries until one succeeds: the server handler is gone for longer. */
  #away = false;

  /** Starts without associations. */
  constructor(server: ResolvedServer, options: AssociationsOptions) {
    this.#server = server;
    this.#options = options;
    this.links = new DatagramLinks(server, options);
    this.#unreached = new UnreachedWorkers(server.name, options.unreached);
    this.#pool = new Pool(options.clock, () => options.config().timeouts.idle);
    this.#handshakes = new HandshakeQueue(options.clock, () => options.config().timeouts.handshake);
    this.#balancer = new WorkerBalancer(options.clock, 65535 - Math.max(...server.channels.map(({ port }) => port)));
  }

  /** Numbers of associations by their use. */
  get counts(): Required<Levels>["pool"] {
    const { idle, size } = this.#pool;
    return { idle, busy: size - idle, warming: this.#warming };
  }

  /**
   * Opens a stream: on an association at hand, or else on a new one.
   *
   * @throws {ChannelError} If the handshake fails.
   * @throws {Full} If no stream is free in time.
   */
  async obtain(open: Request, receiver: StreamReceiver): Promise<Obtained> {
    const atHand = this.#choose();
    if (atHand !== null) return this.#open(atHand, open, receiver);
    const { clock, config } = this.#options;
    const full = () => new Full(this.#pool.size, this.#server.name);
    using limit = deadline(clock, config().timeouts.handshake, { reason: full, signal: this.#closing.signal });
    for (;;) {
      if (!this.#shares) await this.#handshakes.run(async () => void (this.#choose() ?? await this.#make()));
      else if (this.#pool.size >= this.#most) await limit.race(this.#change());
      else {
        try {
          await this.#grow();
        } catch (error) {
          const filled = this.#pool.takeShared(true);
          if (filled === null) throw error;
          return this.#open(filled, open, receiver);
        }
      }
      const pooled = this.#choose();
      if (pooled !== null) return this.#open(pooled, open, receiver);
      // Others were faster; or each new association ends at once, which must not go on forever.
      if (this.#shares) limit.signal.throwIfAborted();
    }
  }

  /** Makes associations ahead of demand while there is any, so that the next session need not wait for a handshake. */
  warmUp(): void {
    // In a burst, sessions are waiting for the next one.
    if (this.#handshakes.waiting > 0 || this.#growing !== null) return;
    const { warm } = this.#options.config();
    const ready = this.#pool.ready(this.#shares) + this.#warming;
    const missing = Math.min(warm - ready, this.#most - this.#pool.size - this.#warming);
    for (let count = 0; count < missing; count++) {
      this.#warming++;
      this.#handshakes.run(() => this.#make())
        .catch((error) => this.#options.log.debug("no association ahead of demand", { reason: reasonOf(error) }))
        .finally(() => this.#warming--);
    }
  }

  /**
   * Verifies that an association exists or can be made, and keeps it for the next session.
   *
   * @throws {ChannelError} If the handshake fails.
   */
  async verify(): Promise<void> {
    if (this.#pool.size === 0) await this.#handshakes.run(() => this.#make());
  }

  /**
   * Reuse state for a session's request on a new association. Its server handler may be about to end and then not process the
   * session, which is requested again. Behind another worker's ports may be a server handler that has restarted since it
   * announced them, or any other program: that must not receive the session's first bytes.
   */
  initialState({ worker }: Pooled): Freshness {
    return this.#balancer.isProven(worker) ? "fresh" : "stale";
  }

  /**
   * Handles an OPEN that was not processed: its association is used no more, and a worker that is new, or not proven, is avoided
   * for a while.
   */
  rejected({ worker, state, multiplexer, start }: Obtained, error: unknown): void {
    multiplexer.leave();
    if (state === null || !this.#balancer.isProven(worker)) this.#avoid({ worker, start }, error);
  }

  /**
   * Notes the answer to a session. The first one on an association announces workers; tries new ones in the background.
   */
  answered({ worker, multiplexer, stream }: Obtained): void {
    if (stream.number === 1) {
      if (!this.#balancer.announced(multiplexer.workers, worker)) this.#unreached.clear();
      for (const untried of this.#balancer.untried()) this.#try(untried);
    }
    this.#unreached.confirm();
  }

  /** Aborts handshakes, sessions and their associations, and ends the others. */
  close(): void {
    this.#closing.abort(new HandlerEnding());
    this.#pool.close();
  }

  /** True if sessions share associations. */
  get #shares(): boolean {
    return this.#options.config().associations !== "per-session";
  }

  /** Maximum number of associations: each worker of the server handler has one at least. */
  get #most(): number {
    const { associations } = this.#options.config();
    return associations === "per-session" ? Infinity : Math.max(associations, this.#balancer.workers?.count ?? 1);
  }

  /** Chooses an association for a session; null if another one should be made, or none is free. */
  #choose(): Pooled | null {
    if (!this.#shares) return this.#pool.takeIdle();
    const pooled = this.#pool.takeShared();
    return pooled === null && this.#pool.size >= this.#most ? this.#pool.takeShared(true) : pooled;
  }

  #open(pooled: Pooled, request: Request, receiver: StreamReceiver): Obtained {
    const { multiplexer } = pooled;
    const open = typeof request === "function" ? request(multiplexer) : request;
    const isFresh = this.#balancer.isProven(pooled.worker) && this.#pool.isFresh(pooled);
    const state = multiplexer.opened === 0 ? null : isFresh ? "fresh" : "stale";
    return { ...pooled, state, stream: multiplexer.open(open, receiver) };
  }

  /** Resolves when something has become free. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Makes an association for all sessions that wait for one. */
  #grow(): Promise<Pooled> {
    return this.#growing ??= this.#handshakes.run(() => this.#make()).finally(() => this.#growing = null);
  }

  /** Lets a session that waits use what has become free. */
  #offer(): void {
    for (const resume of this.#waiting.splice(0)) resume();
    this.#handshakes.offer();
  }

  /** Associates with the next worker, or with the first one if that one can't be reached. */
  async #make(): Promise<Pooled> {
    const worker = this.#balancer.next(), { starts: start } = this.#balancer;
    if (worker === 0) return await this.#associateWithFirst();
    try {
      return await this.#associateWith(worker);
    } catch (error) {
      if (this.#closing.signal.aborted) throw error;
      this.#avoid({ worker, start }, error);
      return await this.#associateWithFirst();
    }
  }

  /** Bridges the replacement of a server handler; while it stays away, later handshakes are not repeated. */
  async #associateWithFirst(): Promise<Pooled> {
    const { clock, config, activity, cameBack = () => false } = this.#options;
    const { signal } = this.#closing;
    // A rule that sends channels back does so again.
    const retryable = (error: unknown) => mayPass(error) && !this.#server.channels.some((channel) => cameBack(channel));
    try {
      const timeout = this.#away ? 0 : config().timeouts.handshake;
      const pooled = await retry(() => this.#associateWith(0), { clock, timeout, retryable, signal });
      this.#away = false;
      return pooled;
    } catch (error) {
      this.#away = retryable(error);
      activity.noAssociation(this.#server.name, error);
      throw error;
    }
  }

  /** Associates with a worker that was just announced. */
  #try(worker: number): void {
    const { starts: start } = this.#balancer;
    this.#warming++;
    this.#associateWith(worker)
      .then(() => this.#balancer.reached(worker))
      .catch((error) => {
        this.#avoid({ worker, start }, error);
        // Another worker has just answered, so the server handler is not away.
        this.#unreached.confirm();
      })
      .finally(() => this.#warming--);
  }

  /** Avoids a worker, unless the server handler has restarted since: the failure was its predecessor's. */
  #avoid({ worker, start }: Omit<Pooled, "multiplexer">, error: unknown): void {
    if (worker === 0 || start !== this.#balancer.starts || this.#closing.signal.aborted) return;
    if (!this.#balancer.failed(worker)) return;
    this.#unreached.suspect(worker, error);
  }

  async #associateWith(worker: number): Promise<Pooled> {
    const { network, clock, config, pads, activity, log, budget, liveness } = this.#options;
    const { channels, name, alternatives } = this.#server;
    const began = clock.now(), count = this.#options.channels, { starts: start } = this.#balancer;
    activity.channels.know(name, channels);
    if (!this.#options.room(channels.length)) throw new NoRoom();
    count.add(channels.length);
    const association = await initiate(channels.map((channel) => portAbove(channel, worker)), {
      network,
      clock,
      pads,
      timeout: config().timeouts.handshake,
      signal: this.#closing.signal,
      ...sharingWith(this.#server, config()),
      ...alternatives !== undefined && { alternatives },
    }).catch((error) => {
      count.add(-channels.length);
      throw error;
    });
    association.over.then(() => count.add(-channels.length));
    const authentication = new ClientAuthentication({
      credentials: this.#server.credentials ?? null,
      list: association.list,
    });
    activity.handshakes.count("associated");
    activity.begin(association, clock.now() - began, name, worker);
    log.debug("association", {
      association: association.id,
      server: name,
      channels: channels.length,
      shares: association.shares,
      "server-worker": worker > 0 ? worker : undefined,
    });
    const breaks = this.#options.breaks.of(association, { server: name });
    const rejoined = (index: number, ms: number) => {
      breaks.rejoined(index, ms);
      this.links.rejoined(association, index);
      this.#offer();
    };
    const rejoiner: Rejoiner = new Rejoiner(association, {
      network,
      clock,
      limits: () => config().timeouts,
      budget: this.#options.kept,
      inUse: () => multiplexer.inUse,
      events: { ...breaks, rejoined },
      signal: this.#closing.signal,
    });
    const multiplexer = new Multiplexer(association, {
      offered: (offer) => rejoiner.offered(offer),
      datagrams: (means) => this.links.accept(association, means),
      clock,
      budget,
      padding: () => config().padding,
      maxCredit: () => config().limits.credit,
      counters: activity,
      workers: worker > 0 ? this.#balancer.workers : null,
      authentication,
      changed: () => {
        this.#pool.changed(pooled);
        if (multiplexer.size === 0) this.#offer();
      },
    });
    const pooled: Pooled = { multiplexer, worker, start };
    const timeout = config().timeouts.handshake - (clock.now() - began);
    await authenticated(association, authentication, { clock, timeout, signal: this.#closing.signal });
    multiplexer.grown = () => this.#offer();
    liveness.add(multiplexer);
    association.over.then(() => {
      liveness.remove(multiplexer);
      this.#ended(pooled);
    });
    this.#pool.add(pooled);
    return pooled;
  }

  #ended({ multiplexer: { association, opened } }: Pooled): void {
    const { failure, fault } = association;
    if (fault === null && (failure === null || failure.cause === null)) return;
    this.#options.failed.warn({
      association: association.id,
      server: this.#server.name,
      sessions: opened,
      reason: reasonOf(fault ?? failure),
      ...fault instanceof DeniedError && { hint: fault.hint },
    });
  }
}

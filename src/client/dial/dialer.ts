import { initiate } from "../../association/initiate.ts";
import { reasonOf } from "../../errors/errors.ts";
import { mayPass } from "../../association/outcome.ts";
import { live } from "../../config/live.ts";
import type { ClientConfig } from "../../config/types.ts";
import { type Address, formatAddress, portAbove } from "../../net/address.ts";
import { retry } from "../../net/retry.ts";
import { hostBytes } from "../../net/ip.ts";
import type { System } from "../../net/system/system.ts";
import type { Activity } from "../../observe/activity.ts";
import type { Log, LogFields } from "../../log/log.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import type { Levels } from "../../observe/observable.ts";
import { Frames } from "../../session/frames.ts";
import type { Liveness } from "../../session/liveness.ts";
import { Pool, type Reused } from "../../session/pool.ts";
import { Outgoing } from "../../session/outgoing.ts";
import type { Traffic } from "../../session/relay.ts";
import { HandlerEnding, NotProcessedError, type PendingRequests, request, TargetError } from "../../session/session.ts";
import type { PadSource } from "../../sharing/system_pads.ts";
import type { Open } from "../../wire/open.ts";
import type { Workers } from "../../wire/workers.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import type { Arrival } from "../ingress/arrival.ts";
import { HandshakeQueue } from "./handshake_queue.ts";
import { hintOf } from "./hint.ts";
import { WorkerBalancer } from "./worker_balancer.ts";

/** What carrying applications' connections needs. */
export interface DialerOptions extends System {
  /**
   * How long what may take, how many associations to keep ready while there are sessions, and whether server handlers are
   * told where applications connect from; looked at for each session.
   */
  readonly config: Pick<ClientConfig, "timeouts" | "warm" | "sendSource">;
  /** Where pads come from. */
  readonly pads: PadSource;
  /** Watches the associations of sessions. */
  readonly liveness: Liveness;
  /** Requests of the client handler that have no answer yet. */
  readonly pending: PendingRequests;
  /** Gets a line for each session, and at level debug for each association. */
  readonly log: Log;
  /** Gets a line for each session that is refused. */
  readonly refused: ThrottledWarning;
  /** Is told of associations and sessions. */
  readonly activity: Activity;
  /** True if a rule sends connections to an address back to this handler; a handshake is not repeated then. */
  readonly cameBack?: (to: Address) => boolean;
}

/** How often a session is asked for again on an association that was made for it. */
const MAX_REPEATS = 3;

/** An association for a session: one that was idle, or, where the state is null, a new one. */
interface Obtained {
  readonly frames: Frames;
  readonly state: Reused["state"] | null;
}

/** What the attempts at one session share. */
interface Attempt {
  /** The port that the server handler is asked for. */
  readonly port: number;
  readonly outgoing: Outgoing;
  readonly traffic: Traffic;
  /** For its log line. */
  readonly fields: LogFields;
  /** How many associations that were made for it have not answered. */
  unanswered: number;
}

/** Carries applications' connections to one server handler: one session, on an association of its own, for each. */
export class Dialer {
  readonly #server: ResolvedServer;
  readonly #options: DialerOptions;
  readonly #pool: Pool;
  readonly #handshakes: HandshakeQueue;
  readonly #giveUp = new AbortController();
  readonly #busy = new Set<Frames>();
  readonly #spread: WorkerBalancer;
  /** The server handler's worker of each association, and whether it was made before the workers were announced. */
  readonly #origins = new WeakMap<Frames, { readonly worker: number; readonly early: boolean }>();
  #warming = 0;
  /** Whether the server handler was away for as long as a handshake may take, and has not been back since. */
  #away = false;

  /** A dialer without sessions. */
  constructor(server: ResolvedServer, options: DialerOptions) {
    this.#server = server;
    this.#options = options;
    this.#pool = new Pool(options.clock, options.config.timeouts.idle);
    this.#handshakes = new HandshakeQueue(options.clock, live(() => options.config.timeouts));
    this.#spread = new WorkerBalancer(options.clock, 65535 - Math.max(...server.channels.map(({ port }) => port)));
  }

  /**
   * Carries a connection until it has ended, and logs how. Owns it.
   *
   * @param port The port that the server handler is asked for.
   */
  dial(arrival: Arrival, port: number): Promise<void> {
    const fields = { server: this.#server.name, port, from: formatAddress(arrival.connection.remote) };
    const traffic: Traffic = { sent: 0, received: 0 };
    const outgoing = new Outgoing(arrival.connection, traffic, true);
    // Not as an async function: its state would be kept for as long as the session lasts.
    const attempt: Attempt = { port, outgoing, traffic, fields, unanswered: 0 };
    const again = (): Promise<void> => this.#attempt(arrival, attempt).then((over) => over ? undefined : again());
    return again();
  }

  /** Whether the session is over, well or not, after one try: otherwise another association must be tried. */
  async #attempt(arrival: Arrival, attempt: Attempt): Promise<boolean> {
    const { port, outgoing, traffic, fields } = attempt;
    const { clock, activity, refused } = this.#options;
    let obtained: Obtained;
    try {
      obtained = await this.#obtain();
    } catch (error) {
      activity.refusals.count("no-association");
      refused.warn({ ...fields, reason: reasonOf(error), hint: hintOf(error) });
      await arrival.refused(error);
      return true;
    }
    const { frames, state } = obtained;
    // Not before: where the server handler has a place for one only, it is this session's.
    this.#warmUp();
    frames.sessions++;
    const { session } = frames;
    const log = this.#options.log.with({ session, ...fields });
    log.debug("session");
    const began = clock.now();
    const ended = activity.session({
      id: session,
      from: formatAddress(arrival.connection.remote),
      to: this.#server.name,
      port,
      association: frames.association,
      traffic,
    });
    const counts = () => ({
      "bytes-up": traffic.sent,
      "bytes-down": traffic.received,
      ms: Math.round(clock.now() - began),
    });
    this.#busy.add(frames);
    // Closed in the moment in which it came.
    if (this.#giveUp.signal.aborted) frames.association.abort();
    this.#options.liveness.add(frames);
    const { worker, early } = this.#origins.get(frames)!;
    const reused = state ?? this.#fresh(worker);
    try {
      await request(this.#open(arrival, port), arrival.connection, frames, {
        traffic,
        clock,
        applicant: arrival,
        outgoing,
        reused,
        pending: this.#options.pending,
        // The first answer on an association announces the workers.
        answered: frames.sessions === 1 ? (workers) => this.#told(workers, worker) : undefined,
      });
      ended();
      log.info("session ended", { ...counts(), reason: "both sides ended" });
    } catch (cause) {
      // Closing the handler ends the association beneath whatever waits for it.
      const error = this.#giveUp.signal.aborted ? new HandlerEnding() : cause;
      ended(error);
      if (cause instanceof NotProcessedError) {
        if (state === null) attempt.unanswered++;
        if (!this.#giveUp.signal.aborted && attempt.unanswered <= MAX_REPEATS) {
          log.debug("association given up by the server", { reason: cause.message });
          if (state === null || !this.#spread.isProven(worker)) this.#passOver(worker, cause);
          return false;
        }
        // Nobody asks again, so nobody else will end its connection.
        await arrival.refused(error);
      }
      if (error instanceof TargetError) refused.warn({ session, ...fields, reason: error.message });
      else log.warn("session reset", { ...counts(), reason: reasonOf(error) });
    } finally {
      this.#options.liveness.remove(frames);
      this.#busy.delete(frames);
      // Those of a first crowd are all with one worker: only one of them is kept, so that later ones are spread.
      if (early && this.#spread.workers !== null && this.#pool.size > 0) frames.association.end();
      else this.#give(frames);
    }
    return true;
  }

  /**
   * Reuse state of an association that was made for the session. Its server handler may be about to end, and then does not
   * take the session, which is asked for again. One with another worker than the first may be with a server handler that
   * has restarted since it told of that, or with any other program there: what is said first must not reach the latter.
   */
  #fresh(worker: number): Reused["state"] {
    return worker === 0 || this.#spread.isProven(worker) ? "lively" : "stale";
  }

  /** An idle association, or a new one as soon as a handshake may begin; by then another session may have left one. */
  async #obtain(): Promise<Obtained> {
    return this.#pool.take() ??
      await this.#handshakes.run(async () => this.#pool.take() ?? { frames: await this.#associate(), state: null });
  }

  /** Keeps an association for the next session; one that waits takes it at once. */
  #give(frames: Frames): void {
    this.#pool.give(frames);
    if (this.#pool.size > 0) this.#handshakes.offer();
  }

  /** How many sessions wait until a handshake may begin. */
  get waiting(): number {
    return this.#handshakes.waiting;
  }

  /** How many associations it has, by what they are there for. */
  get pool(): Required<Levels>["pool"] {
    return { idle: this.#pool.size, busy: this.#busy.size, warming: this.#warming };
  }

  /**
   * Makes sure that an association is possible: there is one, or one is made, and kept for the next session.
   *
   * @throws {ChannelError} When none is.
   */
  async verify(): Promise<void> {
    if (this.#pool.size > 0 || this.#busy.size > 0) return;
    this.#give(await this.#handshakes.run(() => this.#associate()));
  }

  /** Aborts every session and handshake, and ends every idle association. */
  close(): void {
    this.#giveUp.abort(new Error("the handler is ending"));
    this.#pool.close();
    for (const { association } of this.#busy) association.abort();
  }

  #open({ connection: { remote } }: Arrival, port: number): Open {
    const destination = { kind: "port", port } as const;
    const address = this.#options.config.sendSource ? hostBytes(remote.host) : null;
    return address === null ? { destination } : { destination, source: { address, port: remote.port } };
  }

  /** Makes associations ahead of demand, while there is any, so that the next session does not wait for a handshake. */
  #warmUp(): void {
    // In a burst the next session is waiting already.
    if (this.#handshakes.waiting > 0) return;
    for (let missing = this.#options.config.warm - this.#pool.size - this.#warming; missing > 0; missing--) {
      this.#warming++;
      this.#handshakes.run(() => this.#associate())
        .then((frames) => this.#give(frames))
        .catch((error) => this.#options.log.debug("no association ahead of demand", { reason: reasonOf(error) }))
        .finally(() => this.#warming--);
    }
  }

  /** Associates with the worker whose turn it is, and with the first one where that one can't be reached. */
  async #associate(): Promise<Frames> {
    const worker = this.#spread.next();
    if (worker === 0) return await this.#associateWithFirst();
    try {
      return await this.#associateWith(worker);
    } catch (error) {
      if (this.#giveUp.signal.aborted) throw error;
      this.#passOver(worker, error);
      return await this.#associateWithFirst();
    }
  }

  /** Bridges the moment in which a server handler is replaced; one that stays away is not waited for a second time. */
  async #associateWithFirst(): Promise<Frames> {
    const { clock, config: { timeouts }, activity, cameBack = () => false } = this.#options;
    const { signal } = this.#giveUp;
    // A rule that sends a channel back stays.
    const passes = (error: unknown) => mayPass(error) && !this.#server.channels.some((channel) => cameBack(channel));
    try {
      const during = this.#away ? 0 : timeouts.handshake;
      const frames = await retry(() => this.#associateWith(0), { clock, timeout: during, retryable: passes, signal });
      this.#away = false;
      return frames;
    } catch (error) {
      this.#away = passes(error);
      activity.noAssociation(this.#server.name, error);
      throw error;
    }
  }

  /** What a server handler told of its workers with its answer: those that are new are tried, beside what goes on. */
  #told(workers: Workers | null, answering: number): void {
    this.#spread.told(workers, answering);
    for (const worker of this.#spread.untried()) {
      this.#warming++;
      this.#associateWith(worker)
        .then((frames) => {
          this.#spread.reached(worker);
          this.#give(frames);
        })
        .catch((error) => this.#passOver(worker, error))
        .finally(() => this.#warming--);
    }
  }

  #passOver(worker: number, error: unknown): void {
    if (worker === 0 || this.#giveUp.signal.aborted || !this.#spread.failed(worker)) return;
    this.#options.log.warn("worker not reached", {
      server: this.#server.name,
      "server-worker": worker,
      reason: reasonOf(error),
      hint: "associations go to the server's other ports; let this one through the firewall",
    });
  }

  async #associateWith(worker: number): Promise<Frames> {
    const { network, clock, config, pads, activity, log } = this.#options;
    const { channels, name, alternatives } = this.#server;
    const began = clock.now();
    activity.channels.know(name, channels);
    const association = await initiate(channels.map((channel) => portAbove(channel, worker)), {
      network,
      clock,
      pads,
      timeout: config.timeouts.handshake,
      signal: this.#giveUp.signal,
      ...alternatives !== undefined && { alternatives },
    });
    activity.handshakes.count("associated");
    activity.begin(association, clock.now() - began, name, worker);
    log.debug("association", {
      association: association.id,
      server: name,
      channels: channels.length,
      "server-worker": worker > 0 ? worker : undefined,
    });
    const frames = new Frames(association, worker > 0 ? this.#spread.workers : null);
    this.#origins.set(frames, { worker, early: this.#spread.workers === null });
    return frames;
  }
}

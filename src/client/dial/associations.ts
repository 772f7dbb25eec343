import { initiate } from "../../association/initiate.ts";
import { mayPass } from "../../association/outcome.ts";
import type { ClientConfig } from "../../config/types.ts";
import { reasonOf } from "../../errors/errors.ts";
import type { Log } from "../../log/log.ts";
import { type Address, portAbove } from "../../net/address.ts";
import { retry } from "../../net/retry.ts";
import type { System } from "../../net/system/system.ts";
import type { Activity } from "../../observe/activity.ts";
import { Frames } from "../../session/frames.ts";
import { Pool, type Reused } from "../../session/pool.ts";
import { HandlerEnding } from "../../session/session.ts";
import type { PadSource } from "../../sharing/system_pads.ts";
import type { Workers } from "../../wire/workers.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import { HandshakeQueue } from "./handshake_queue.ts";
import { WorkerBalancer } from "./worker_balancer.ts";

/** Options of {@linkcode Associations}. */
export interface AssociationsOptions extends System {
  /** Current time limits, and the number of associations to keep ready. */
  readonly config: () => Pick<ClientConfig, "timeouts" | "warm">;
  /** Source of pads. */
  readonly pads: PadSource;
  /** Gets a debug line for each association, and a warning for each unreachable worker. */
  readonly log: Log;
  /** Counts associations and their failures. */
  readonly activity: Activity;
  /** True if a rule sends connections to an address back to this handler; a handshake is not repeated then. */
  readonly cameBack?: (to: Address) => boolean;
}

/** An association for a session; its state is null if it was made for that session. */
export interface Obtained {
  /** Owned by the caller until given back. */
  readonly frames: Frames;
  /** Null for a new association. */
  readonly state: Reused["state"] | null;
}

/** Origin of an association. */
interface Origin {
  /** The server handler's worker. */
  readonly worker: number;
  /** True if it was made before the server handler announced its workers. */
  readonly early: boolean;
}

/**
 * The associations with one server handler: takes idle ones before making others, chooses the worker of each, and keeps
 * some ready ahead of demand. Owns those that no session uses.
 */
export class Associations {
  readonly #server: ResolvedServer;
  readonly #options: AssociationsOptions;
  readonly #pool: Pool;
  readonly #handshakes: HandshakeQueue;
  readonly #balancer: WorkerBalancer;
  readonly #closing = new AbortController();
  readonly #origins = new WeakMap<Frames, Origin>();
  #warming = 0;
  /** True from a handshake that failed after all retries until one succeeds: the server handler is gone for longer. */
  #away = false;

  /** Starts without associations. */
  constructor(server: ResolvedServer, options: AssociationsOptions) {
    this.#server = server;
    this.#options = options;
    this.#pool = new Pool(options.clock, options.config().timeouts.idle);
    this.#handshakes = new HandshakeQueue(options.clock, () => options.config().timeouts.handshake);
    this.#balancer = new WorkerBalancer(options.clock, 65535 - Math.max(...server.channels.map(({ port }) => port)));
  }

  /** Number of idle associations. */
  get idle(): number {
    return this.#pool.size;
  }

  /** Number of associations being made ahead of demand. */
  get warming(): number {
    return this.#warming;
  }

  /**
   * Takes an idle association, or a new one as soon as the queue admits a handshake; meanwhile a session may have left one.
   *
   * @throws {ChannelError} If the handshake fails.
   */
  async obtain(): Promise<Obtained> {
    return this.#pool.take() ??
      await this.#handshakes.run(async () => this.#pool.take() ?? { frames: await this.#associate(), state: null });
  }

  /** Takes an association back after its session: for the next session, a waiting one first. */
  give(frames: Frames): void {
    // Those of a first burst are all with one worker: keep only one of them, so that later ones are balanced.
    const isSurplus = this.#originOf(frames).early && this.#balancer.workers !== null && this.#pool.size > 0;
    if (isSurplus) frames.association.end();
    else this.#keep(frames);
  }

  /** Makes associations ahead of demand while there is any, so that the next session need not wait for a handshake. */
  warmUp(): void {
    // In a burst the next session is waiting already.
    if (this.#handshakes.waiting > 0) return;
    for (let missing = this.#options.config().warm - this.#pool.size - this.#warming; missing > 0; missing--) {
      this.#warming++;
      this.#handshakes.run(() => this.#associate())
        .then((frames) => this.#keep(frames))
        .catch((error) => this.#options.log.debug("no association ahead of demand", { reason: reasonOf(error) }))
        .finally(() => this.#warming--);
    }
  }

  /**
   * Verifies that an association can be made, and keeps it for the next session.
   *
   * @throws {ChannelError} If the handshake fails.
   */
  async verify(): Promise<void> {
    this.#keep(await this.#handshakes.run(() => this.#associate()));
  }

  /**
   * Reuse state of a new association. Its server handler may be about to end and then not process the session, which is
   * requested again. Behind another worker's ports may be a server handler that has restarted since it announced them, or
   * any other program: that must not receive the session's first bytes.
   */
  initialState(frames: Frames): Reused["state"] {
    return this.#balancer.isProven(this.#originOf(frames).worker) ? "fresh" : "stale";
  }

  /**
   * Handles the refusal of an OPEN on an association: a worker that is new, or not proven, is avoided for a while.
   *
   * @param state As obtained.
   */
  rejected({ frames, state }: Obtained, error: unknown): void {
    const { worker } = this.#originOf(frames);
    if (state === null || !this.#balancer.isProven(worker)) this.#avoid(worker, error);
  }

  /** Notes the workers announced with the first answer on an association, and tries new ones in the background. */
  announced(frames: Frames, workers: Workers | null): void {
    this.#balancer.announced(workers, this.#originOf(frames).worker);
    for (const worker of this.#balancer.untried()) {
      this.#warming++;
      this.#associateWith(worker)
        .then((frames) => {
          this.#balancer.reached(worker);
          this.#keep(frames);
        })
        .catch((error) => this.#avoid(worker, error))
        .finally(() => this.#warming--);
    }
  }

  /** Aborts handshakes, and ends idle associations. */
  close(): void {
    this.#closing.abort(new HandlerEnding());
    this.#pool.close();
  }

  #keep(frames: Frames): void {
    this.#pool.give(frames);
    if (this.#pool.size > 0) this.#handshakes.offer();
  }

  /** Associates with the next worker, or with the first one if that one can't be reached. */
  async #associate(): Promise<Frames> {
    const worker = this.#balancer.next();
    if (worker === 0) return await this.#associateWithFirst();
    try {
      return await this.#associateWith(worker);
    } catch (error) {
      if (this.#closing.signal.aborted) throw error;
      this.#avoid(worker, error);
      return await this.#associateWithFirst();
    }
  }

  /** Bridges the replacement of a server handler; while it stays away, later handshakes are not repeated. */
  async #associateWithFirst(): Promise<Frames> {
    const { clock, config, activity, cameBack = () => false } = this.#options;
    const { signal } = this.#closing;
    // A rule that sends channels back does so again.
    const retryable = (error: unknown) => mayPass(error) && !this.#server.channels.some((channel) => cameBack(channel));
    try {
      const timeout = this.#away ? 0 : config().timeouts.handshake;
      const frames = await retry(() => this.#associateWith(0), { clock, timeout, retryable, signal });
      this.#away = false;
      return frames;
    } catch (error) {
      this.#away = retryable(error);
      activity.noAssociation(this.#server.name, error);
      throw error;
    }
  }

  #avoid(worker: number, error: unknown): void {
    if (worker === 0 || this.#closing.signal.aborted || !this.#balancer.failed(worker)) return;
    this.#options.log.warn("worker not reached", {
      server: this.#server.name,
      "server-worker": worker,
      reason: reasonOf(error),
      hint: "associations use the server's other ports; open this worker's ports in the firewall",
    });
  }

  async #associateWith(worker: number): Promise<Frames> {
    const { network, clock, config, pads, activity, log } = this.#options;
    const { channels, name, alternatives } = this.#server;
    const start = clock.now();
    activity.channels.know(name, channels);
    const association = await initiate(channels.map((channel) => portAbove(channel, worker)), {
      network,
      clock,
      pads,
      timeout: config().timeouts.handshake,
      signal: this.#closing.signal,
      ...alternatives !== undefined && { alternatives },
    });
    activity.handshakes.count("associated");
    activity.begin(association, clock.now() - start, name, worker);
    log.debug("association", {
      association: association.id,
      server: name,
      channels: channels.length,
      "server-worker": worker > 0 ? worker : undefined,
    });
    const frames = new Frames(association, worker > 0 ? this.#balancer.workers : null);
    this.#origins.set(frames, { worker, early: this.#balancer.workers === null });
    return frames;
  }

  #originOf(frames: Frames): Origin {
    return this.#origins.get(frames)!;
  }
}

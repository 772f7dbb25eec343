import { List } from "../../collections/list.ts";
import type { ClientConfig } from "../../config/types.ts";
import { MAX_PACKET, payloadLimit, tooLargeReason } from "../../datagrams/payload_limit.ts";
import { MicssError, reasonOf } from "../../errors/errors.ts";
import { ThrottledWarning } from "../../log/throttled.ts";
import type { Log, LogFields } from "../../log/log.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { ByteBudget } from "../../net/byte_budget.ts";
import { type Activity, refusalLabel } from "../../observe/activity.ts";
import { TargetError } from "../../streams/errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { Dialers } from "../dial/dialers.ts";
import type { CarriedFlow } from "../dial/flow_dialer.ts";
import type { Directory } from "../servers/directory.ts";
import { ClientFlow } from "./client_flow.ts";
import type { Flow, FlowOpener, FlowOrigin } from "../ingress/flow_origin.ts";

/** Bytes of datagrams that wait for their flows to be opened, of all flows. */
const WAITING_BUDGET = 4 * 1024 * 1024;

/** Time in milliseconds between two looks for flows that are silent. */
const SWEEP_INTERVAL = 1000;

/** Part of the flows that is ended when a new one has no place: those that were silent longest. */
const EVICTED_PART = 16;

/** Time in milliseconds between two searches for silent flows to end. */
const EVICTION_INTERVAL = 20;

/** Shortest silence of a flow that is ended to make room, in milliseconds. */
const MIN_EVICTED_SILENCE = 1000;

/** Options of {@linkcode Flows}. */
export interface FlowsOptions {
  /** Current time limits. */
  readonly config: () => Pick<ClientConfig, "timeouts">;
  /** Measures times. */
  readonly clock: Clock;
  /** Gets lines about flows that fail. */
  readonly log: Log;
  /** Counts refusals, and datagrams that are dropped. */
  readonly activity: Activity;
  /** Takes a place, as for a session. @returns False if there is none; the limit is reported. */
  readonly take: () => boolean;
  /** Gives a place back. */
  readonly give: () => void;
  /** Finds servers. */
  readonly directory: Pick<Directory, "find">;
  /** Carries flows. */
  readonly dialers: Pick<Dialers, "carry">;
}

/** The destination has no server handler. */
class NoServer extends MicssError {}

/** A flow for which there is no place. */
const DROPPED: Flow = { send() {}, close() {} };

/** The flows of datagrams of a client handler, from all ways in. Bounds their number, and ends those that are silent. */
export class Flows implements FlowOpener {
  readonly #options: FlowsOptions;
  readonly #failed: ThrottledWarning;
  readonly #tooLarge: ThrottledWarning;
  readonly #budget = new ByteBudget(WAITING_BUDGET);
  readonly #running = new List<{ readonly flow: ClientFlow; readonly over: Promise<void> }>();
  #sweeping = false;
  #evictedAt = -Infinity;
  #closed = false;

  /** Starts without flows. */
  constructor(options: FlowsOptions) {
    this.#options = options;
    this.#failed = new ThrottledWarning(options.log, options.clock, "flow refused");
    this.#tooLarge = new ThrottledWarning(options.log, options.clock, "datagram too large", 1);
  }

  /** Number of flows. */
  get size(): number {
    return this.#running.size;
  }

  /**
   * Begins a flow; its datagrams wait until it is open, as far as there is room.
   *
   * @param origin Told when it is over.
   */
  open(origin: FlowOrigin): Flow {
    const { give, clock, activity } = this.#options;
    if (this.#closed || !this.#place()) {
      activity.refusals.count("overloaded");
      queueMicrotask(() => origin.ended());
      return DROPPED;
    }
    const flow = new ClientFlow(origin, {
      clock,
      counts: activity.datagrams,
      budget: this.#budget,
      carry: (flow) => this.#carry(origin, flow),
      tooLarge: ({ ingress, source, destination }, reason) =>
        this.#tooLarge.warn({ ingress, ...fieldsOf(source, destination), reason }),
      failed: (origin, error) => this.#report(origin, error),
    });
    const over = flow.run().finally(() => {
      this.#running.remove(place);
      give();
    });
    const place = this.#running.add({ flow, over });
    this.#sweepLater();
    return flow;
  }

  cut({ ingress, source }: Pick<FlowOrigin, "ingress" | "source">, room: number): void {
    const reason = tooLargeReason(`more than ${room}`, payloadLimit([MAX_PACKET]));
    this.#tooLarge.warn({ ingress, from: formatAddress(source), reason });
  }

  /** Ends all flows, and begins none any more. */
  stop(): void {
    this.#closed = true;
    for (const { flow } of this.#running) flow.close();
  }

  /** Resolves when no flow is left. */
  async idle(): Promise<void> {
    await Promise.all(Array.from(this.#running, ({ over }) => over));
  }

  async #carry({ destination, user, source }: FlowOrigin, flow: CarriedFlow): Promise<boolean> {
    const route = await this.#options.directory.find(destination, user ?? source.host);
    if (route.kind === "direct") throw new NoServer("no server has this destination, and datagrams go to servers only");
    return await this.#options.dialers.carry(route.server, flow, destination.port);
  }

  #report({ ingress, source, destination }: FlowOrigin, error: unknown): void {
    const { activity } = this.#options;
    activity.refusals.count(
      error instanceof TargetError
        ? refusalLabel(error.code)
        : error instanceof NoServer
        ? "no-server"
        : "no-association",
    );
    this.#failed.warn({ ingress, ...fieldsOf(source, destination), reason: reasonOf(error) });
  }

  /** Takes a place, if need be that of flows that are silent. @returns False if there is none. */
  #place(): boolean {
    if (this.#options.take()) return true;
    const now = this.#options.clock.now();
    // Whoever floods from ever new addresses causes one search in this time, not one with each datagram.
    if (now - this.#evictedAt < EVICTION_INTERVAL) return false;
    this.#evictedAt = now;
    const flows = Array.from(this.#running, ({ flow }) => flow);
    const silent = flows.filter(({ usedAt }) => now - usedAt >= MIN_EVICTED_SILENCE);
    silent.sort((a, b) => a.usedAt - b.usedAt);
    // Their places are free in a moment, for the next datagram.
    for (const flow of silent.slice(0, Math.ceil(silent.length / EVICTED_PART))) flow.close();
    return false;
  }

  #sweepLater(): void {
    if (this.#sweeping || this.#closed) return;
    this.#sweeping = true;
    this.#options.clock.after(SWEEP_INTERVAL, () => {
      this.#sweeping = false;
      const now = this.#options.clock.now(), timeout = this.#options.config().timeouts.flow;
      for (const { flow } of this.#running) if (now - flow.usedAt > flow.patience(timeout)) flow.close();
      if (this.#running.size > 0) this.#sweepLater();
    });
  }
}

function fieldsOf(source: Address, destination: Address): LogFields {
  return { from: formatAddress(source), destination: formatAddress(destination) };
}

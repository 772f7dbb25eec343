import type { DatagramCounts } from "../../datagrams/counts.ts";
import type { ByteBudget } from "../../net/byte_budget.ts";
import type { Traffic } from "../../session/traffic.ts";
import { TargetError } from "../../streams/errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { CarriedFlow } from "../dial/flow_dialer.ts";
import type { Flow, FlowOrigin } from "../ingress/flow_origin.ts";

/** Datagrams of a flow that wait at most until it is open. */
const MAX_WAITING = 32;

/** Time in milliseconds for which nothing is tried after a failure. */
const HOLD_OFF = 1000;

/** Time in milliseconds within which a flow is in use: it is opened again at once when its association fails. */
const RECENT = 30_000;

/** Part of the time limit that a flow has which was one question and one answer. */
const SHORT_PART = 12;

/** A datagram that waits. */
interface Waiting {
  readonly payload: Uint8Array;
  readonly trafficClass: number;
}

/** Options of {@linkcode ClientFlow}. */
export interface ClientFlowOptions {
  /** Measures times. */
  readonly clock: Clock;
  /** Counts datagrams that are dropped. */
  readonly counts: DatagramCounts;
  /** Bounds the bytes that wait, of all flows. */
  readonly budget: ByteBudget;
  /** Finds the server and carries the flow; settles as `FlowDialer.carry` does. */
  readonly carry: (flow: CarriedFlow) => Promise<boolean>;
  /** Reports a datagram that is dropped as too large. */
  readonly tooLarge: (origin: FlowOrigin, reason: string) => void;
  /** Reports a failure. */
  readonly failed: (origin: FlowOrigin, error: unknown) => void;
}

/** One application's flow: opened by its first datagram, and again after its association has failed. */
export class ClientFlow implements Flow, CarriedFlow {
  readonly traffic: Traffic = { sent: 0, received: 0 };
  /** When there was last a datagram, in milliseconds of the clock. */
  usedAt: number;
  readonly #origin: FlowOrigin;
  readonly #options: ClientFlowOptions;
  readonly #over = Promise.withResolvers<void>();
  /** Number of datagrams in each direction. */
  #sent = 0;
  #received = 0;
  #waiting: Waiting[] = [];
  #send: ((payload: Uint8Array, trafficClass: number) => boolean) | null = null;
  /** Resumes after a failure, with the next datagram. */
  #resume: (() => void) | null = null;
  #isHeld = false;
  #isOver = false;

  /** Creates a flow that {@linkcode ClientFlow.run} opens. */
  constructor(origin: FlowOrigin, options: ClientFlowOptions) {
    this.#origin = origin;
    this.#options = options;
    this.usedAt = options.clock.now();
  }

  /** The application's address. */
  get source(): FlowOrigin["source"] {
    return this.#origin.source;
  }

  /** Resolves when it is closed. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** The time without a datagram after which it ends, in milliseconds. @param timeout That of longer flows. */
  patience(timeout: number): number {
    return this.#sent <= 1 && this.#received <= 1 ? timeout / SHORT_PART : timeout;
  }

  /** Carries the flow until it is closed, or the server ends it. Never rejects. */
  async run(): Promise<void> {
    const { clock, carry, failed } = this.#options;
    while (!this.#isOver) {
      const began = clock.now();
      let isRefused = false;
      try {
        if (await carry(this) || !this.#isRecent) break;
      } catch (error) {
        if (this.#isOver) break;
        failed(this.#origin, error);
        this.#drop();
        isRefused = error instanceof TargetError;
      }
      // One in use is opened again at once, as the server may have something to say; but not again and again.
      if (isRefused || !this.#isRecent || clock.now() - began < HOLD_OFF) await this.#hold();
    }
    this.close();
    this.#drop();
    this.#origin.ended();
  }

  send(payload: Uint8Array, trafficClass: number): void {
    const { clock, counts, budget } = this.#options;
    this.usedAt = clock.now();
    if (this.#send !== null) {
      if (this.#send(payload, trafficClass)) this.#count(payload);
      return;
    }
    this.#resume?.();
    if (this.#isHeld || this.#isOver || this.#waiting.length === MAX_WAITING || !budget.take(payload.length)) {
      counts.waiting++;
      return;
    }
    this.#waiting.push({ payload: payload.slice(), trafficClass });
  }

  carriedBy(send: ((payload: Uint8Array, trafficClass: number) => boolean) | null): void {
    this.#send = send;
    if (send === null) return;
    for (const { payload, trafficClass } of this.#waiting) {
      this.#options.budget.give(payload.length);
      if (send(payload, trafficClass)) this.#count(payload);
    }
    this.#waiting = [];
  }

  receive(payload: Uint8Array<ArrayBuffer>, trafficClass: number): void {
    this.usedAt = this.#options.clock.now();
    this.#received++;
    this.traffic.received += payload.length;
    this.#origin.answer(payload, trafficClass);
  }

  tooLarge(reason: string): void {
    this.#options.tooLarge(this.#origin, reason);
  }

  close(): void {
    this.#isOver = true;
    this.#over.resolve();
  }

  get #isRecent(): boolean {
    return this.#options.clock.now() - this.usedAt < RECENT;
  }

  #count(payload: Uint8Array): void {
    this.#sent++;
    this.traffic.sent += payload.length;
  }

  /** Drops what waits. */
  #drop(): void {
    for (const { payload } of this.#waiting) this.#options.budget.give(payload.length);
    this.#options.counts.waiting += this.#waiting.length;
    this.#waiting = [];
  }

  /** Waits for a while in which nothing is sent, and then for the next datagram. */
  async #hold(): Promise<void> {
    this.#isHeld = true;
    await Promise.race([this.#options.clock.sleep(HOLD_OFF), this.over]);
    this.#isHeld = false;
    if (this.#isOver) return;
    const next = Promise.withResolvers<void>();
    this.#resume = next.resolve;
    await Promise.race([next.promise, this.over]);
    this.#resume = null;
  }
}

import type { Clock } from "../time/clock.ts";
import { WireError } from "../wire/decoder.ts";
import { INITIAL_CREDIT } from "../wire/frame.ts";
import type { CreditBudget } from "./credit_budget.ts";

/** Time in milliseconds within which an application that keeps up takes half of a window. */
const KEEPS_UP = 20;

/** Limits that the windows of an association's streams share. */
export interface WindowLimits {
  /** Time source. */
  readonly clock: Clock;
  /** Credit beyond each stream's first. */
  readonly budget: CreditBudget;
  /** Returns the maximum credit of a stream, in bytes. */
  readonly maxCredit: () => number;
}

/**
 * The bytes of a stream that may be on their way here or waiting for the application. The window begins at 64 KiB, and doubles
 * while the application keeps up with a fast flow, or with a sender that waits for credit.
 */
export class ReceiveWindow {
  readonly #limits: WindowLimits;
  #size = INITIAL_CREDIT;
  /** Bytes that the other side was permitted to send, received from it, and taken by the application. */
  #granted = INITIAL_CREDIT;
  #received = 0;
  #taken = 0;
  /** Bytes that the application had taken at the last BLOCKED. */
  #takenBefore = 0;
  /** Times of the last CREDIT sent and the last BLOCKED received, in milliseconds of the clock. */
  #grantedAt = -Infinity;
  #blockedAt = -Infinity;

  /** Creates a window of the first credit. */
  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** True if nothing has been received. */
  get isUntouched(): boolean {
    return this.#received === 0;
  }

  /** True if the application has taken all that was received. */
  get isEmpty(): boolean {
    return this.#taken === this.#received;
  }

  /** Notes bytes received. @throws {WireError} If they exceed the credit. */
  receive(length: number): void {
    this.#received += length;
    if (this.#received > this.#granted) throw new WireError("DATA beyond the stream's credit");
  }

  /** Notes bytes that the application has taken. */
  take(length: number): void {
    this.#taken += length;
  }

  /** Returns the credit to grant after bytes were taken: 0 until half of the window can be granted. */
  grantTaken(): number {
    const left = this.#granted - this.#taken;
    if (left > this.#size / 2) return 0;
    // Either the flow is fast, or it waited for credit all the way here and back.
    if (this.#limits.clock.now() - Math.max(this.#grantedAt, this.#blockedAt) < KEEPS_UP) this.#widen();
    return this.#grant(this.#size - left);
  }

  /** Returns the credit to grant at BLOCKED: some if the application keeps up, while earlier credit is on its way. */
  grantBlocked(): number {
    this.#blockedAt = this.#limits.clock.now();
    const took = this.#taken - this.#takenBefore;
    this.#takenBefore = this.#taken;
    if (this.#granted === this.#received || took < this.#size / 2) return 0;
    this.#widen();
    return this.#grant(Math.max(0, this.#size - (this.#granted - this.#taken)));
  }

  /** Gives the budget back what the window has of it. */
  close(): void {
    this.#limits.budget.give(this.#size - INITIAL_CREDIT);
    this.#size = INITIAL_CREDIT;
  }

  #grant(bytes: number): number {
    if (bytes > 0) this.#grantedAt = this.#limits.clock.now();
    this.#granted += bytes;
    return bytes;
  }

  /** Doubles the window, within the limits. */
  #widen(): void {
    const { budget, maxCredit } = this.#limits, wider = Math.min(2 * this.#size, maxCredit());
    if (wider > this.#size && budget.take(wider - this.#size)) this.#size = wider;
  }
}

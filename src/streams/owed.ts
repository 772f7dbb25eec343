import type { Association } from "../association/association.ts";
import type { Outbox } from "./outbox.ts";

/** The bytes of streams that are over here, of which the other side may lack some: a broken channel may have lost them. */
export class Owed {
  readonly #association: Association;
  readonly #outbox: Outbox;
  /** True while some of them have not left. */
  #leaving = false;
  /** Number of bytes of each channel that the other side must have joined. */
  #until = 0;

  /** Owes nothing yet. */
  constructor(association: Association, outbox: Outbox) {
    this.#association = association;
    this.#outbox = outbox;
  }

  /** True until the other side is known to have all of them. */
  get any(): boolean {
    return this.#leaving || this.#until > this.#association.acknowledged;
  }

  /** Notes that a stream is over. */
  add(): void {
    this.#leaving = true;
    this.note();
  }

  /** Notes that something has left. */
  note(): void {
    if (!this.#leaving || !this.#outbox.isFlushed) return;
    this.#leaving = false;
    this.#until = this.#association.offered;
  }
}

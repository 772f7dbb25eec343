/** Bytes of {@linkcode CreditBudget} by default. */
const BUDGET = 64 * 1024 * 1024;

/**
 * Bytes by which the credit of a handler's streams may exceed what each begins with. They bound the memory of applications that
 * do not read: 64 KiB for each stream, and the budget for all.
 */
export class CreditBudget {
  #left: number;

  /** Creates a budget. @param bytes All of it. Default: 64 MiB. */
  constructor(bytes = BUDGET) {
    this.#left = bytes;
  }

  /** Takes bytes from the budget. @returns False if fewer are left; nothing is taken then. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Gives back bytes that were taken. */
  give(bytes: number): void {
    this.#left += bytes;
  }
}

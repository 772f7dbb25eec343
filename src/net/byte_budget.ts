/** A number of bytes that many share, which bounds the memory of all of them together. */
export class ByteBudget {
  #left: number;

  /** Creates a budget. @param bytes All of it. */
  constructor(bytes: number) {
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

/** Place of an item in a {@linkcode List}; only the list that made it can use it. */
export interface Place<T> {
  /** The item. */
  readonly item: T;
}

/** A place's neighbours; null at the ends, and once the item is removed. */
interface Node<T> extends Place<T> {
  before: Node<T> | null;
  after: Node<T> | null;
  isIn: boolean;
}

/**
 * Items that come and go, in the order in which they came. Adding and removing take constant time.
 *
 * It stands in for a `Set` where items live for milliseconds. V8 replaces a set's table after every few dozen changes, and
 * each table leads to its successor. Once a table is old enough to be moved out of V8's young generation, so is, from then
 * on, whatever any later table ever held: none of it is garbage before the old generation is collected. A removed item's
 * place leads nowhere.
 */
export class List<T> {
  #size = 0;
  #first: Node<T> | null = null;
  #last: Node<T> | null = null;

  /** Number of items. */
  get size(): number {
    return this.#size;
  }

  /** The item that has been here longest; undefined if there is none. */
  get oldest(): T | undefined {
    return this.#first?.item;
  }

  /** Adds an item behind all others. @returns Its place, with which it is removed. */
  add(item: T): Place<T> {
    const node: Node<T> = { item, before: this.#last, after: null, isIn: true };
    if (this.#last === null) this.#first = node;
    else this.#last.after = node;
    this.#last = node;
    this.#size++;
    return node;
  }

  /** Removes an item. @returns False if it was removed before. */
  remove(place: Place<T>): boolean {
    const node = place as Node<T>;
    if (!node.isIn) return false;
    const { before, after } = node;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    node.isIn = false;
    node.before = node.after = null;
    this.#size--;
    return true;
  }

  /** Removes the item that has been here longest, if there is one. */
  removeOldest(): void {
    if (this.#first !== null) this.remove(this.#first);
  }

  /** Iterates over the items, oldest first. Copy before adding or removing during iteration. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let node = this.#first; node !== null; node = node.after) yield node.item;
  }
}

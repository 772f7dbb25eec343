/**
 * A map to values that come and go. It stands in for a `Map` as {@linkcode List} does for a `Set`, for the same reason: the
 * tables that V8 replaces hold keys and numbers here, but no values.
 */
export class SlotMap<K extends number | string, V> {
  /** The slot of each key's value. */
  readonly #slots = new Map<K, number>();
  readonly #values: (V | undefined)[] = [];
  readonly #free: number[] = [];

  /** Number of keys. */
  get size(): number {
    return this.#slots.size;
  }

  /** A key's value; undefined if it has none. */
  get(key: K): V | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#values[slot];
  }

  /** Gives a key a value. */
  set(key: K, value: V): void {
    const slot = this.#slots.get(key) ?? this.#free.pop() ?? this.#values.length;
    this.#slots.set(key, slot);
    this.#values[slot] = value;
  }

  /** Removes a key. @returns False if it has no value. */
  delete(key: K): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#slots.delete(key);
    this.#values[slot] = undefined;
    this.#free.push(slot);
    return true;
  }

  /** A copy of the values, in the order in which their keys were added. */
  values(): V[] {
    return Array.from(this.#slots.values(), (slot) => this.#values[slot]!);
  }
}

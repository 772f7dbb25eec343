/** One test vector: a name, a description, and values; bytes are in hexadecimal. */
export interface Vector {
  /** Unique in its group. */
  readonly name: string;
  /** One line on the case that it covers. */
  readonly description: string;
  /** The values. */
  readonly [value: string]: unknown;
}

/** A source of bytes that count up from `start`, in place of a CSPRNG. */
export function counting(start = 0): (into: Uint8Array) => void {
  return (into) => {
    for (let index = 0; index < into.length; index++) into[index] = start++;
  };
}

/** Bytes that count up from `start`. */
export function counted(length: number, start = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => start + index);
}

/** The names and numbers of an enum. */
export function members<T extends number>(numbers: Record<string, string | T>): [name: string, number: T][] {
  return Object.entries(numbers).filter((entry): entry is [string, T] => typeof entry[1] === "number");
}

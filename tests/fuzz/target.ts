/** A parser that is fuzzed: what it is given, and what must hold. */
export interface Target {
  /** What it parses. */
  readonly name: string;
  /** Inputs to begin with, right ones and wrong ones: each path through the parser should have one nearby. */
  readonly seeds: readonly Uint8Array[];
  /** What inputs of its kind are made of. */
  readonly words: readonly Uint8Array[];
  /** The longest input, in bytes. */
  readonly longest: number;
  /**
   * Parses an input, and checks what came out.
   *
   * @returns Whether the input was taken; false where it was refused as the parser says that it refuses.
   * @throws Whatever is wrong: another error than the parser's own, too many bytes asked for, a value that it can't write
   * again.
   */
  take(input: Uint8Array): boolean;
}

/** What {@linkcode textTarget} needs. */
export interface TextTarget {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly words: readonly string[];
  /** Default: 2,048. */
  readonly longest?: number;
  /** As {@linkcode Target.take}; what was no UTF-8 has U+FFFD in its place. */
  take(text: string): boolean;
}

/** A parser of texts. */
export function textTarget({ name, seeds, words, longest = 2048, take }: TextTarget): Target {
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  const bytes = (text: string) => encoder.encode(text);
  return {
    name,
    seeds: seeds.map(bytes),
    words: words.map(bytes),
    longest,
    take: (input) => take(decoder.decode(input)),
  };
}

/** Whether `parse` takes what it is given; what it throws must be of one of these classes. */
export function taken<T>(
  parse: () => T,
  // deno-lint-ignore no-explicit-any -- any class of errors
  refusals: readonly (new (...args: any[]) => Error)[],
): { readonly value: T } | null {
  try {
    return { value: parse() };
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return null;
    throw error;
  }
}

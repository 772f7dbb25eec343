/** A parser to fuzz: its inputs, and the properties that must hold. */
export interface Target {
  /** The name of its input. */
  readonly name: string;
  /** Initial inputs, valid and invalid: each path through the parser should have one nearby. */
  readonly seeds: readonly Uint8Array[];
  /** Fragments of its inputs. */
  readonly words: readonly Uint8Array[];
  /** Maximum length of an input, in bytes. */
  readonly longest: number;
  /**
   * Parses an input and checks the result.
   *
   * @returns Whether the input was accepted; false if the parser refused it with its documented error.
   * @throws Any other error, also for too many bytes requested or a value that can't be encoded again.
   */
  take(input: Uint8Array): boolean;
}

/** Options of {@linkcode textTarget}. */
export interface TextTarget {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly words: readonly string[];
  /** Default: 2,048. */
  readonly longest?: number;
  /** See {@linkcode Target.take}; invalid UTF-8 is replaced by U+FFFD. */
  take(text: string): boolean;
}

/** A parser of text. */
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

/** Reports whether `parse` accepts its input; its refusals must be of one of these classes. */
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

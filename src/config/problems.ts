import { MicssError } from "../errors/errors.ts";
/** Bad input: flags, arguments or a configuration file. The program prints the lines and exits with status 2. */
export class UsageError extends MicssError {
  /** One line for each mistake, without newlines: `micss WHERE: what is wrong; what would be right`. */
  readonly lines: readonly string[];

  /**
   * Makes the error of these mistakes.
   *
   * @param lines At least one; control characters are escaped, so that a value can't forge a line.
   */
  constructor(lines: readonly string[]) {
    const shown = lines.map(onOneLine);
    super(shown.join("\n"));
    this.lines = shown;
  }
}

/** Collects the mistakes of one reading, and remembers where each value was written. */
export class Problems {
  readonly #lines: string[] = [];
  readonly #places = new WeakMap<object, string>();
  readonly #subject: string;

  /**
   * Begins without mistakes.
   *
   * @param subject Names what is wrong where no place in particular is, for example "micss server".
   */
  constructor(subject: string) {
    this.#subject = subject;
  }

  /** Adds a mistake. `message` is "what is wrong; what would be right". */
  add(place: string, message: string): void {
    this.#lines.push(`${place}: ${message}`);
  }

  /**
   * Remembers that `value` was written at `place`, for {@linkcode Problems.at}, and so were the objects that it is made
   * of, where no place of their own is known. Other than objects are ignored.
   */
  remember(value: unknown, place: string): void {
    if (typeof value !== "object" || value === null || this.#places.has(value)) return;
    this.#places.set(value, place);
    for (const part of Object.values(value)) this.remember(part, place);
  }

  /** Adds a mistake where `value` was written, or about the subject as a whole where it was not. */
  at(value: object, message: string): void {
    this.add(this.placeOf(value), message);
  }

  /** Where `value` was written; the subject as a whole where it was not. */
  placeOf(value: object): string {
    return this.#places.get(value) ?? this.#subject;
  }

  /**
   * Ends the reading if there is any mistake.
   *
   * @throws {UsageError} With all of them.
   */
  throwIfAny(): void {
    if (this.#lines.length > 0) throw new UsageError(this.#lines);
  }
}

/** The text in quotes, as messages show what a person wrote. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

function onOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

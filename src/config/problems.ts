import { MicssError } from "../errors/errors.ts";

/** Invalid flags, arguments or configuration. The program prints the lines and exits with status 2. */
export class UsageError extends MicssError {
  /** One line per mistake, without newlines: `PLACE: what is wrong; what would be right`. */
  readonly lines: readonly string[];

  /**
   * An error of one or more mistakes.
   *
   * @param lines At least one. Control characters are escaped, so that a value can't forge a line.
   */
  constructor(lines: readonly string[]) {
    const shown = lines.map(onOneLine);
    super(shown.join("\n"));
    this.lines = shown;
  }
}

/** Collects the mistakes in a configuration, and remembers the place of each value. */
export class Problems {
  readonly #lines: string[] = [];
  readonly #places = new WeakMap<object, string>();
  /** The places of an object's settings, by name. */
  readonly #settings = new WeakMap<object, ReadonlyMap<string, string>>();
  readonly #subject: string;

  /**
   * An empty collection.
   *
   * @param subject Place of mistakes that concern no value in particular: "micss server".
   */
  constructor(subject: string) {
    this.#subject = subject;
  }

  /** Adds a mistake. The message has the form "what is wrong; what would be right". */
  add(place: string, message: string): void {
    this.#lines.push(`${place}: ${message}`);
  }

  /**
   * Remembers the place of an object, for {@linkcode Problems.at}, and of the objects in it that have no place of their
   * own. Ignores other values.
   */
  remember(value: unknown, place: string): void {
    if (typeof value !== "object" || value === null || this.#places.has(value)) return;
    this.#places.set(value, place);
    for (const part of Object.values(value)) this.remember(part, place);
  }

  /** Remembers the places of the settings of `owner` that were given, by name: values such as numbers have none. */
  rememberSettings(owner: object, places: ReadonlyMap<string, string>): void {
    this.#settings.set(owner, places);
  }

  /** Remembers for a changed copy of `owner` the places of its settings. */
  rememberCopy(copy: object, owner: object): void {
    const places = this.#settings.get(owner);
    if (places !== undefined) this.rememberSettings(copy, places);
  }

  /** Adds a mistake at the place of a setting of `owner`, or at the place of `owner` if the setting was not given. */
  atSetting<T extends object>(owner: T, name: keyof T & string, message: string): void {
    this.add(this.#settings.get(owner)?.get(name) ?? this.placeOf(owner), message);
  }

  /** Adds a mistake at the place of `value`, or at the subject if it has none. */
  at(value: object, message: string): void {
    this.add(this.placeOf(value), message);
  }

  /** Returns the place of `value`, or the subject if it has none. */
  placeOf(value: object): string {
    return this.#places.get(value) ?? this.#subject;
  }

  /**
   * Fails if mistakes were added.
   *
   * @throws {UsageError} With all mistakes.
   */
  throwIfAny(): void {
    if (this.#lines.length > 0) throw new UsageError(this.#lines);
  }
}

/** Quotes user input for a message. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

function onOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

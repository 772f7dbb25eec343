/** How many columns all but titles is indented. */
export const INDENT = 2;

/** What a line that is not a title begins with. */
export const MARGIN: string = " ".repeat(INDENT);

/** What the demo writes on. */
export interface ScreenOptions {
  /** Columns. */
  readonly width: number;
  /** Whether a line may be written over: on a terminal. */
  readonly live: boolean;
  /** Whether to colour. */
  readonly colour: boolean;
}

/** Text for people: lines, a little colour, and one line at the bottom that changes. */
export class Screen {
  /** Columns. */
  readonly width: number;
  /** Whether {@linkcode Screen.status} shows anything. */
  readonly live: boolean;
  readonly #out: (text: string) => void;
  readonly #colour: boolean;
  #status = false;
  #closed = false;

  /**
   * Shows nothing yet.
   *
   * @param out Takes what is shown, its newlines with it.
   */
  constructor(out: (text: string) => void, { width, live, colour }: ScreenOptions) {
    this.#out = out;
    this.width = width;
    this.live = live;
    this.#colour = colour;
  }

  /** Writes lines. */
  lines(...lines: readonly string[]): void {
    this.#write(`${this.#clearStatus()}${lines.map((line) => `${line}\n`).join("")}`);
  }

  /** Shows `text` in the last line, in place of what it showed before; nothing where that can't be done. */
  status(text: string): void {
    if (!this.live) return;
    const clear = this.#clearStatus();
    this.#status = true;
    this.#write(`${clear}${text}`);
  }

  /** Takes the last line away, and writes nothing more. */
  close(): void {
    this.#write(this.#clearStatus());
    this.#closed = true;
  }

  /** What titles are written in. */
  bold(text: string): string {
    return this.#paint(1, 22, text);
  }

  /** What is noise, or less important. */
  dim(text: string): string {
    return this.#paint(2, 22, text);
  }

  /** What is the application's own text. */
  green(text: string): string {
    return this.#paint(32, 39, text);
  }

  #paint(begin: number, end: number, text: string): string {
    return this.#colour ? `\x1b[${begin}m${text}\x1b[${end}m` : text;
  }

  #clearStatus(): string {
    if (!this.#status) return "";
    this.#status = false;
    return "\r\x1b[K";
  }

  #write(text: string): void {
    if (!this.#closed && text !== "") this.#out(text);
  }
}

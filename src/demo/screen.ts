/** Indentation of everything but titles, in columns. */
export const INDENT = 2;

/** Prefix of every line but titles. */
export const MARGIN: string = " ".repeat(INDENT);

/** Capabilities of the output. */
export interface ScreenOptions {
  /** Width in columns. */
  readonly width: number;
  /** True if a line can be overwritten, as on a terminal. */
  readonly live: boolean;
  /** True to use colours. */
  readonly colour: boolean;
}

/** Text output with lines, some colour, and a status line at the bottom. */
export class Screen {
  /** Width in columns. */
  readonly width: number;
  /** True if {@linkcode Screen.status} shows anything. */
  readonly live: boolean;
  readonly #out: (text: string) => void;
  readonly #colour: boolean;
  #status = false;
  #closed = false;

  /**
   * Creates an empty screen.
   *
   * @param out Receives the output, including newlines.
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

  /** Shows `text` in the status line, replacing its last text; does nothing where that is impossible. */
  status(text: string): void {
    if (!this.live) return;
    const clear = this.#clearStatus();
    this.#status = true;
    this.#write(`${clear}${text}`);
  }

  /** Removes the status line, and writes nothing more. */
  close(): void {
    this.#write(this.#clearStatus());
    this.#closed = true;
  }

  /** Style of titles. */
  bold(text: string): string {
    return this.#paint(1, 22, text);
  }

  /** Style of noise and of less important text. */
  dim(text: string): string {
    return this.#paint(2, 22, text);
  }

  /** Style of application data. */
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

import type { Option } from "../config/schema.ts";
import { type Sink, within, writeTo } from "../log/line_queue.ts";

/** One of the program's commands. Its file exports it as `command`. */
export interface Command {
  /** What a person types after `micss`. */
  readonly name: string;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** How it is called, without `micss` and its name, for example "--channel HOST[:PORT]..."; empty without arguments. */
  readonly usage: string;
  /** What it takes beside flags, for completion; nothing where left out. */
  readonly operands?: Operands;
  /** Its flags, and what only its file can say; for the help. */
  readonly options: readonly Option[];
  /** Whole command lines that work. */
  readonly examples: readonly string[];
  /**
   * Does the work.
   *
   * @param args What follows the command's name.
   * @param output Takes what people read.
   * @returns The exit status.
   * @throws {UsageError} When the arguments are wrong.
   */
  run(args: string[], output: Output): Promise<number>;
}

/** A row of the table of commands. The code of a command is loaded when it is called. */
export interface CommandEntry {
  /** The command's name. */
  readonly name: string;
  /** The command's summary, so that the list of commands needs none of their code. */
  readonly summary: string;
  /** Loads the command. */
  load(): Promise<Command>;
}

/** What a command takes beside flags. */
export interface Operands {
  /** What its first argument may be. */
  readonly words?: readonly string[];
  /** Whether there may be a file's name. */
  readonly files?: true;
  /** Commands whose settings' flags it takes as well. */
  readonly settingsOf?: readonly string[];
}

/** Where a command writes. */
export interface Output {
  /** Writes to standard output without blocking; `text` brings its own newlines. */
  out(text: string): void;
  /** Writes to standard error, likewise, in the order of the calls. */
  err(text: string): void;
  /**
   * Waits until all that was written has been taken. Absent where it is taken at once.
   *
   * @param ms Maximum wait, in milliseconds; after it, all that is left is dropped. Default: unlimited.
   * @throws What the system reports, other than a reader that has gone.
   */
  flush?(ms?: number): Promise<void>;
}

/**
 * The process's standard output and error. A reader that stalls must not keep a command that handles signals from ending,
 * so nothing here blocks. Text for a reader that has gone is dropped.
 */
export class StandardOutput implements Output {
  #written: Promise<void> = Promise.resolve();
  #failure: unknown;
  #closed = false;

  out(text: string): void {
    this.#write(Deno.stdout, text);
  }

  err(text: string): void {
    this.#write(Deno.stderr, text);
  }

  async flush(ms?: number): Promise<void> {
    if (ms === undefined) await (this.#closed || this.#written);
    else {
      await within(this.#written, ms);
      this.#closed = true;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #write(to: Sink, text: string): void {
    this.#written = this.#written.then(() => this.#closed ? undefined : writeTo(to, text)).catch((error) => {
      if (!(error instanceof Deno.errors.BrokenPipe)) this.#failure ??= error;
    });
  }
}

/** The only one of the process. */
export const standardOutput: StandardOutput = new StandardOutput();

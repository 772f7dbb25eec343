import type { Option } from "../config/schema.ts";
import { MicssError, reasonOf } from "../errors/errors.ts";
import { type Sink, within, writeTo } from "../log/line_queue.ts";

/** The code and the help of a command. Its file exports it as `command`; its name and summary are in the command table. */
export interface Command {
  /** Arguments after the command's name, for example "--channel HOST[:PORT]..."; empty if it takes none. */
  readonly usage: string;
  /** Arguments other than flags, for completion. Default: none. */
  readonly operands?: Operands;
  /** Flags, and settings that only a file can hold, for the help. */
  readonly options: readonly Option[];
  /** Complete command lines that work. */
  readonly examples: readonly string[];
  /**
   * Runs the command.
   *
   * @param args Arguments after the command's name.
   * @returns The exit status.
   * @throws {UsageError} When the arguments are wrong.
   */
  run(args: string[], output: Output): Promise<number>;
}

/** Name and summary of a command. */
export interface CommandTitle {
  /** The word after `micss`. */
  readonly name: string;
  /** One line in the imperative, without a full stop. */
  readonly summary: string;
}

/** A row of the command table. The list of commands needs none of their code; it is loaded when a command runs. */
export interface CommandEntry extends CommandTitle {
  /** Loads the command. */
  load(): Promise<Command>;
}

/** A command with its name and summary. */
export type NamedCommand = CommandTitle & Command;

/** Arguments of a command other than flags. */
export interface Operands {
  /** Possible values of the first one. */
  readonly words?: readonly string[];
  /** A file name is accepted. */
  readonly files?: true;
  /** Commands whose settings are accepted as flags, too. */
  readonly settingsOf?: readonly string[];
}

/** Destination of a command's output. */
export interface Output {
  /** Writes to standard output without blocking. Adds no newline. */
  out(text: string): void;
  /** Writes to standard error, likewise, in the order of the calls. */
  err(text: string): void;
  /** True once the reader of standard output has gone. Absent where it can't go. */
  readonly abandoned?: boolean;
  /**
   * Waits until everything has been written. Absent where writes are synchronous.
   *
   * @param ms Maximum wait, in milliseconds; drops the rest after it. Default: unlimited.
   * @throws {OutputError} If something could not be written, unless its reader has gone.
   */
  flush?(ms?: number): Promise<void>;
}

/** Maximum wait for a stalled reader at the end of a command, in milliseconds. */
export const FLUSH_TIMEOUT = 1000;

/** Maximum wait for another process to unlock the database of learned channels, in milliseconds. */
export const LOCK_TIMEOUT = 5_000;

/** Standard output or error can't be written, as on a full disk. */
export class OutputError extends MicssError {}

/**
 * The process's standard output and error. Never blocks, since a stalled reader must not keep a command that handles
 * signals from ending. Drops text for a reader that has gone.
 */
export class StandardOutput implements Output {
  #written: Promise<void> = Promise.resolve();
  #failure: unknown;
  #closed = false;
  #abandoned = false;

  get abandoned(): boolean {
    return this.#abandoned;
  }

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
    if (failure !== undefined) {
      throw new OutputError(`can't write the output: ${reasonOf(failure)}`, { cause: failure });
    }
  }

  #write(to: Sink, text: string): void {
    this.#written = this.#written.then(() => this.#closed ? undefined : writeTo(to, text)).catch((error) => {
      if (!(error instanceof Deno.errors.BrokenPipe)) this.#failure ??= error;
      else if (to === Deno.stdout) this.#abandoned = true;
    });
  }
}

/** The process's only instance. */
export const standardOutput: StandardOutput = new StandardOutput();

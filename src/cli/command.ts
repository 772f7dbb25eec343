import type { Option } from "../config/schema.ts";

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
  /** Writes to standard output; `text` brings its own newlines. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
}

/** The process's standard output and error. Text for a reader that has gone is dropped. */
export const standardOutput: Output = {
  out: (text) => writeAll(Deno.stdout, text),
  err: (text) => writeAll(Deno.stderr, text),
};

const encoder = new TextEncoder();

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

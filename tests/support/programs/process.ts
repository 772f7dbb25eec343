/** How long a test waits for something that should happen at once, in milliseconds. */
export const PATIENCE = 15_000;

/** How many of a program's last lines are kept for the message of a wait that ran out. */
const KEPT_LINES = 2_000;

/** How a program is run. */
export interface RunOptions {
  /** A command that ends in running another one, put in front: `nsenter ...`, `setpriv ...`. */
  within?: readonly string[];
  /** Variables added to the environment. */
  env?: Record<string, string>;
  /** The directory to run in. Default: this process's. */
  cwd?: string;
}

/**
 * Waits for `promise`, but no longer than `ms`.
 *
 * @param describe Says what was waited for, and what is known instead; asked only when the wait runs out.
 * @throws {Error} When the wait runs out; `promise` goes on by itself.
 */
export async function bounded<T>(promise: Promise<T>, describe: () => string, ms = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain for ${describe()}`)), ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

interface Waiter {
  matches(line: string): boolean;
  found(line: string): void;
  failed(error: Error): void;
}

/**
 * A program that runs beside the test and writes lines. Who started it ends it, with {@linkcode Program.stop} or by
 * `await using`; both may be called again.
 */
export class Program implements AsyncDisposable {
  /** Its process, until {@linkcode Program.stop} has settled. */
  readonly pid: number;
  /** Its exit status, or 128 and the signal's number. */
  readonly exited: Promise<number>;
  /** What it has written to standard output and standard error so far, a line each, the oldest ones dropped. */
  readonly lines: string[] = [];
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #waiters = new Set<Waiter>();
  #running = true;

  private constructor(command: readonly string[], options: RunOptions) {
    const [executable, args, spawnOptions] = toCommand(command, options);
    this.#name = command.join(" ");
    this.#child = new Deno.Command(executable, { ...spawnOptions, args, stdin: "piped" }).spawn();
    this.pid = this.#child.pid;
    this.exited = this.#follow();
  }

  /** Starts `command`, its standard input open and empty for as long as it runs. */
  static start(command: readonly string[], options: RunOptions = {}): Program {
    return new Program(command, options);
  }

  /** Its name and last lines, for a message. */
  describe(): string {
    const state = this.#running ? `running as ${this.pid}` : "ended";
    return `${this.#name} (${state}), which wrote:\n${this.lines.slice(-40).join("\n")}`;
  }

  /**
   * Waits for a line that `matches`, also among those already written.
   *
   * @param what Names the line, for the message when none comes.
   * @throws {Error} When the program ends without it, or none comes within `ms`.
   */
  async waitForLine(
    matches: RegExp | ((line: string) => boolean),
    what = `line that matches ${matches}`,
    ms = PATIENCE,
  ): Promise<string> {
    const test = typeof matches === "function" ? matches : (line: string) => matches.test(line);
    const known = this.lines.find(test);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const waiter: Waiter = { matches: test, found: resolve, failed: reject };
    if (!this.#running) throw new Error(`There is no ${what} of ${this.describe()}`);
    this.#waiters.add(waiter);
    try {
      return await bounded(promise, () => `a ${what} of ${this.describe()}`, ms);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Sends it a signal, unless it has ended. */
  signal(signal: Deno.Signal): void {
    if (!this.#running) return;
    try {
      this.#child.kill(signal);
    } catch {
      // It ended by itself a moment ago.
    }
  }

  /**
   * Ends it: `signal` first, SIGKILL when it goes on for another `ms`.
   *
   * @returns Its exit status, or 128 and the signal's number.
   */
  async stop(signal: Deno.Signal = "SIGTERM", ms = 5_000): Promise<number> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), ms);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** {@linkcode Program.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #follow(): Promise<number> {
    const [status] = await Promise.all([
      this.#child.status,
      this.#readLines(this.#child.stdout),
      this.#readLines(this.#child.stderr),
    ]);
    this.#running = false;
    await this.#child.stdin.close().catch(() => {});
    for (const { failed } of this.#waiters) failed(new Error(`Ended with ${status.code}: ${this.describe()}`));
    return status.code;
  }

  async #readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach((line) => this.#add(line));
    }
    if (rest !== "") this.#add(rest);
  }

  #add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    for (const waiter of this.#waiters) if (waiter.matches(line)) waiter.found(line);
  }
}

/** What a program that ran to its end left. */
export interface Outcome {
  /** Its exit status, or 128 and the signal's number. */
  code: number;
  /** What it wrote to standard output. */
  stdout: Uint8Array<ArrayBuffer>;
  /** What it wrote to standard error. */
  stderr: string;
  /** Standard output as text. */
  text(): string;
}

/**
 * Runs `command` to its end.
 *
 * @param options.input What it reads from standard input. Default: nothing.
 * @param options.ms It is killed after so many milliseconds.
 * @param options.mayFail Whether an exit status other than 0 is an answer, too.
 * @throws {Error} When the time is over, or it failed and may not; the message has what it wrote.
 */
export async function run(
  command: readonly string[],
  options: RunOptions & { input?: Uint8Array | string; ms?: number; mayFail?: boolean } = {},
): Promise<Outcome> {
  const { input = "", ms = 60_000, mayFail = false } = options;
  const [executable, args, spawnOptions] = toCommand(command, options);
  const signal = AbortSignal.timeout(ms);
  const child = new Deno.Command(executable, { ...spawnOptions, args, stdin: "piped", signal }).spawn();
  // A program that ends before it has read all of its input has its reasons; its exit status tells.
  const fed = new Blob([input as Uint8Array<ArrayBuffer>]).stream().pipeTo(child.stdin).catch(() => {});
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), fed]);
  const outcome = {
    code,
    stdout,
    stderr: new TextDecoder().decode(stderr),
    text: () => new TextDecoder().decode(stdout),
  };
  if (signal.aborted || (code !== 0 && !mayFail)) {
    const how = signal.aborted ? `was killed after ${ms} ms` : `failed with ${code}`;
    throw new Error(`${command.join(" ")} ${how} and wrote:\n${outcome.text().slice(-4_000)}\n${outcome.stderr}`);
  }
  return outcome;
}

/** A directory of its own for one test, removed at the end. */
export async function makeTempDir(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "micss-e2e-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Where `program` is, on PATH or where Debian keeps what only root needs; undefined when it is not there. */
export function findProgram(program: string): string | undefined {
  const directories = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"];
  return directories.map((directory) => `${directory}/${program}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function toCommand(command: readonly string[], options: RunOptions) {
  const [program, ...args] = [...(options.within ?? []), ...command];
  const executable = program!.includes("/") ? program! : findProgram(program!);
  if (executable === undefined) throw new Error(`No program ${program} here; see the test's needs`);
  const { env = {}, cwd } = options;
  return [executable, args, { env, ...(cwd === undefined ? {} : { cwd }), stdout: "piped", stderr: "piped" }] as const;
}

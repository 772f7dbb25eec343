/** Time limit for something that should happen immediately, in milliseconds: on a machine as busy as it gets. */
export const PATIENCE = 30_000;

/** Time limit for what takes a processor much time, in milliseconds: the start of a handler, a browser's next picture. */
export const LONG_PATIENCE = 60_000;

/** Number of a program's last lines that are kept for the message of a timed-out wait. */
const KEPT_LINES = 2_000;

/** Options of a program. */
export interface RunOptions {
  /** Command prefix that ends in running another command: `nsenter ...`, `setpriv ...`. */
  within?: readonly string[];
  /** Variables added to the environment. */
  env?: Record<string, string>;
  /** Working directory. Default: this process's. */
  cwd?: string;
}

/**
 * Waits for `promise` for at most `ms`.
 *
 * @param describe Describes what is awaited and the state instead; called only on a timeout.
 * @throws {Deno.errors.TimedOut} `promise` continues by itself.
 */
export async function bounded<T>(promise: Promise<T>, describe: () => string, ms = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Deno.errors.TimedOut(`No result after ${ms} ms of waiting for ${describe()}`)),
      ms,
    );
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
 * A running program that writes lines. Its creator ends it, with {@linkcode Program.stop} or `await using`; ending it
 * repeatedly is harmless.
 */
export class Program implements AsyncDisposable {
  /** Its process id, valid until {@linkcode Program.stop} has settled. */
  readonly pid: number;
  /** Resolves to its exit status, or 128 plus the signal's number. */
  readonly exited: Promise<number>;
  /** Lines written to standard output and standard error so far; the oldest are dropped. */
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

  /** Starts `command`, with a standard input that stays open and empty. */
  static start(command: readonly string[], options: RunOptions = {}): Program {
    return new Program(command, options);
  }

  /** Its name and last lines, for error messages. */
  describe(): string {
    const state = this.#running ? `running as ${this.pid}` : "ended";
    return `${this.#name} (${state}), which wrote:\n${this.lines.slice(-40).join("\n")}`;
  }

  /**
   * Waits for a line that `matches`; an earlier one counts.
   *
   * @param what Names the line in the error message.
   * @throws {Error} If the program exits without it, or none appears within `ms`.
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
    if (!this.#running) throw new Error(`No ${what} of ${this.describe()}`);
    this.#waiters.add(waiter);
    try {
      return await bounded(promise, () => `a ${what} of ${this.describe()}`, ms);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Sends a signal, unless the program has exited. */
  signal(signal: Deno.Signal): void {
    if (!this.#running) return;
    try {
      this.#child.kill(signal);
    } catch {
      // It exited a moment ago.
    }
  }

  /**
   * Ends it with `signal`, and with SIGKILL if it still runs after `ms`.
   *
   * @returns Its exit status, or 128 plus the signal's number.
   */
  async stop(signal: Deno.Signal = "SIGTERM", ms = PATIENCE): Promise<number> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), ms);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** See {@linkcode Program.stop}. */
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
    for (const { failed } of this.#waiters) failed(new Error(`Exited with ${status.code}: ${this.describe()}`));
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

/** Outcome of a completed program. */
export interface Outcome {
  /** Its exit status, or 128 and the signal's number. */
  code: number;
  /** Standard output. */
  stdout: Uint8Array<ArrayBuffer>;
  /** Standard error. */
  stderr: string;
  /** Standard output as text. */
  text(): string;
}

/**
 * Runs `command` to completion.
 *
 * @param options.input Standard input. Default: empty.
 * @param options.ms Time limit in milliseconds, after which it is killed.
 * @param options.mayFail Returns a nonzero exit status instead of throwing.
 * @throws {Error} On a timeout or an unexpected failure; the message includes the program's output.
 */
export async function run(
  command: readonly string[],
  options: RunOptions & { input?: Uint8Array | string; ms?: number; mayFail?: boolean } = {},
): Promise<Outcome> {
  const { input, ms = 60_000, mayFail = false } = options;
  const [executable, args, spawnOptions] = toCommand(command, options);
  const signal = AbortSignal.timeout(ms);
  const stdin = input === undefined ? "null" : "piped";
  const child = new Deno.Command(executable, { ...spawnOptions, args, stdin, signal }).spawn();
  // A program may exit before it has read all of its input; its exit status tells whether that is an error.
  const fed = input === undefined
    ? undefined
    : new Blob([input as Uint8Array<ArrayBuffer>]).stream().pipeTo(child.stdin).catch(() => {});
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

/** A temporary directory for one test, removed at its end. */
export async function makeTempDir(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "micss-e2e-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A configuration file for one test, removed at its end. @param yaml Its content. */
export async function configFile(yaml: string): Promise<AsyncDisposable & { file: string }> {
  const { path, [Symbol.asyncDispose]: dispose } = await makeTempDir();
  const file = `${path}/micss.yaml`;
  await Deno.writeTextFile(file, yaml);
  return { file, [Symbol.asyncDispose]: dispose };
}

/** The path of `program`, searched on PATH and in Debian's directories for root; undefined if it is missing. */
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
  if (executable === undefined) throw new Error(`${program} is not installed; see the test's needs`);
  const { env = {}, cwd } = options;
  return [executable, args, { env, ...(cwd === undefined ? {} : { cwd }), stdout: "piped", stderr: "piped" }] as const;
}

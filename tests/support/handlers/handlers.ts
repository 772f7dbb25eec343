import { inspect } from "node:util";
import { stdFlags } from "../../../scripts/std.ts";
import { printedBy } from "../../../scripts/task.ts";
import { type Address, formatAddress } from "../../../src/net/address.ts";
import { bounded, LONG_PATIENCE, PATIENCE, Program, type RunOptions } from "../programs/process.ts";
import { freePort } from "../programs/programs.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

/** The group that handlers run as in a namespace, so that REDIRECT rules can distinguish their traffic from applications'. */
export const HANDLER_GROUP = 6522;

/** Options of a handler's process. */
export interface HandlerOptions extends RunOptions {
  /**
   * The compiled `micss` to run. Default: the value of the environment variable `MICSS_EXECUTABLE`, otherwise the bundle
   * that `scripts/test.ts` makes for the whole suite, or the source, with the permissions that users run it with.
   */
  executable?: string | undefined;
  /** Further flags. */
  flags?: readonly string[];
  /** A different command for `micss`, followed by its arguments. */
  micss?: readonly string[];
}

/** One line of a handler's log. */
export interface LogLine {
  /** Its level. */
  level: string;
  /** The event. */
  event: string;
  /** Further fields. */
  [field: string]: unknown;
}

/** Expected fields of a log line: equal values, or matches of an expression. */
export type LogPattern = Record<string, string | number | boolean | RegExp>;

/** A running `micss` command that logs in JSON. */
export class Handler implements AsyncDisposable {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Starts a handler and waits until it is ready. */
  static async start(command: "server" | "client", args: string[], options: HandlerOptions = {}): Promise<Handler> {
    await using making = new AsyncDisposableStack();
    const micss = options.micss ?? await micssCommand(options.executable);
    const line = [...micss, command, ...args, ...options.flags ?? [], "--log-format", "json", "--log-level", "debug"];
    const handler = new Handler(making.use(Program.start(line, { cwd: ROOT, ...options })));
    await handler.waitForLog("ready", {}, LONG_PATIENCE);
    making.move();
    return handler;
  }

  /** The lines logged so far with this event and these fields. */
  logged(event: string | RegExp, fields: LogPattern = {}): LogLine[] {
    return this.#program.lines.flatMap((text) => parseLine(text) ?? []).filter((line) => fits(line, event, fields));
  }

  /**
   * Waits for a log line with this event and these fields; an earlier one counts.
   *
   * @throws {Error} If none appears within `ms`, or the handler exits first; the message includes its log.
   */
  async waitForLog(event: string | RegExp, fields: LogPattern = {}, ms = PATIENCE): Promise<LogLine> {
    const line = await this.#program.waitForLine(
      (text) => {
        const line = parseLine(text);
        return line !== undefined && fits(line, event, fields);
      },
      `log line "${event}" with ${inspect(fields)}`,
      ms,
    );
    return parseLine(line)!;
  }

  /**
   * Waits for `count` log lines with this event and these fields, as {@linkcode Handler.waitForLog} does for one: a line
   * is written a moment after its event.
   *
   * @returns All matching lines, possibly more than `count`.
   */
  async waitForLogs(count: number, event: string | RegExp, fields: LogPattern = {}): Promise<LogLine[]> {
    let seen = 0;
    const counts = (text: string) => {
      const line = parseLine(text);
      return line !== undefined && fits(line, event, fields) && ++seen >= count;
    };
    await this.#program.waitForLine(counts, `number of ${count} log lines "${event}" with ${inspect(fields)}`);
    return this.logged(event, fields);
  }

  /** Resident set size, in bytes. */
  async memory(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.#program.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Number of open files, including sockets. */
  async files(): Promise<number> {
    return (await Array.fromAsync(Deno.readDir(`/proc/${this.#program.pid}/fd`))).length;
  }

  /** Resolves to its exit status. */
  get exited(): Promise<number> {
    return this.#program.exited;
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#program.signal(signal);
  }

  /** Its log, for error messages. */
  describe(): string {
    return this.#program.describe();
  }

  /**
   * Ends it with SIGTERM, and a second one if it waits for sessions to finish.
   *
   * @returns Its exit status.
   * @throws {Error} If it does not exit and has to be killed.
   */
  async stop(): Promise<number> {
    this.#program.signal("SIGTERM");
    const again = setTimeout(() => this.#program.signal("SIGTERM"), 500);
    const code = await bounded(this.#program.exited, () => `the end of ${this.describe()}`).catch(async (error) => {
      await this.#program.stop("SIGKILL");
      throw error;
    });
    clearTimeout(again);
    return code;
  }

  /**
   * Ends it with one SIGTERM: a second one may arrive while a busy machine still ends it, and changes its exit status.
   *
   * @returns Its exit status.
   */
  async end(): Promise<number> {
    this.#program.signal("SIGTERM");
    return await bounded(this.#program.exited, () => `the end of ${this.describe()}`);
  }

  /** See {@linkcode Handler.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A server handler and a client handler on loopback, with one forward. */
export interface Pair extends AsyncDisposable {
  /** The server handler. */
  server: Handler;
  /** The client handler. */
  client: Handler;
  /** The forward's address, where an application reaches the target. */
  entry: Address;
  /** The forward's address for datagrams; port 0 if there is none. */
  udpEntry: Address;
  /** The server handler's addresses. */
  channels: Address[];
  /** Both logs, for error messages. */
  describe(): string;
}

/** Starts a pair of handlers with three channels, 127.0.0.1 to 127.0.0.3. */
export async function startPair(
  options: {
    /** The sessions' target. */
    target: Address;
    /** The target of datagrams to port 53. Default: none, and no forward. */
    udpTarget?: Address;
    /** The client handler's addresses of the channels, if they differ from the server handler's. */
    through?: (channels: Address[]) => Address[];
    executable?: string;
    /** Further flags of both handlers. */
    flags?: readonly string[];
    /** Further flags of the client handler alone. */
    clientFlags?: readonly string[];
    /** See {@linkcode RunOptions}; applies to both handlers. */
    within?: readonly string[];
  },
): Promise<Pair> {
  await using making = new AsyncDisposableStack();
  const handlerOptions = { executable: options.executable, flags: options.flags ?? [], within: options.within ?? [] };
  const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const port = freePort(...hosts);
  const channels = hosts.map((host) => ({ host, port }));
  const { udpTarget } = options,
    udpEntry = { host: "127.0.0.1", port: udpTarget === undefined ? 0 : freePort("127.0.0.1") };
  const [served, forwarded] = udpTarget === undefined ? [[], []] : [
    ["--udp-target", `53=${formatAddress(udpTarget)}`],
    ["--udp-forward", `${formatAddress(udpEntry)}=web:53`],
  ];
  const server = making.use(
    await startServer(channels, `80=${formatAddress(options.target)}`, {
      ...handlerOptions,
      flags: [...handlerOptions.flags, ...served],
    }),
  );
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const known = options.through?.(channels) ?? channels;
  const client = making.use(
    await startClient(
      known,
      ["--forward", `${formatAddress(entry)}=web:80`, ...forwarded, ...options.clientFlags ?? []],
      handlerOptions,
    ),
  );
  const made = making.move();
  const describe = () => `${client.describe()}\n${server.describe()}`;
  return { server, client, entry, udpEntry, channels, describe, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/**
 * Starts a server handler.
 *
 * @param target In the syntax of its flag: `PORT=HOST:PORT`.
 */
export function startServer(channels: Address[], target: string, options: HandlerOptions = {}): Promise<Handler> {
  const flags = channels.flatMap((channel) => ["--channel", formatAddress(channel)]);
  return Handler.start("server", [...flags, "--target", target], options);
}

/**
 * Starts a client handler whose server is named `web`.
 *
 * @param entries Flags of its entries.
 */
export function startClient(channels: Address[], entries: string[], options: HandlerOptions = {}): Promise<Handler> {
  const server = `web=${channels.map(formatAddress).join(",")}`;
  return Handler.start("client", ["--server", server, ...entries], options);
}

let fromSource: Promise<string[]> | undefined;

/** The command that runs `micss`, without arguments. @param executable See {@linkcode HandlerOptions}. */
export async function micssCommand(executable = Deno.env.get("MICSS_EXECUTABLE")): Promise<string[]> {
  if (executable !== undefined) return [executable];
  const bundled = Deno.env.get("MICSS_TEST_PROGRAM");
  if (bundled !== undefined) return JSON.parse(bundled);
  fromSource ??= (async () => {
    return [Deno.execPath(), "run", "-q", ...await printedBy("runtime"), ...await stdFlags(), "main.ts"];
  })();
  return await fromSource;
}

function parseLine(text: string): LogLine | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value?.event === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function fits(line: LogLine, event: string | RegExp, fields: LogPattern): boolean {
  return Object.entries<LogPattern[string]>({ event, ...fields }).every(([name, wanted]) =>
    wanted instanceof RegExp ? wanted.test(String(line[name])) : line[name] === wanted
  );
}

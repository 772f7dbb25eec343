import { micssCommand } from "../tests/support/handlers/handlers.ts";
import { makeTempDir, Program, run } from "../tests/support/programs/process.ts";
import { words } from "../scripts/task.ts";
import type { Shares } from "../src/association/association_options.ts";
import type { Load, Testbed } from "./testbed.ts";

/** The client handler's listening address for applications. */
export const ENTRY_HOST = "127.0.0.1";

/** The port of the server handler's channels, unless another is given. */
const CHANNEL_PORT = 6522;

const ROOT = new URL("../", import.meta.url).pathname;

/** A forward of the client handler. */
export interface Route {
  /** Its port. */
  readonly entry: number;
  /** Port of the target, on the far host's loopback. */
  readonly target: number;
}

/** A source of micss. */
export interface Micss {
  /** The command that runs it, without arguments. */
  readonly command: readonly string[];
  /** The directory to run it in. */
  readonly cwd: string;
}

/** Configuration of both handlers. */
export interface PairOptions {
  /** Forwards, at least one. */
  readonly routes: readonly Route[];
  /** Forwards of datagrams. Default: none. */
  readonly datagrams?: readonly Route[];
  /** Number of channels that suffice. Default: all are needed. */
  readonly threshold?: number;
  /** The client handler's setting `shares`. Default: not set, which an earlier handler needs. */
  readonly shares?: Shares;
  /** Port of the server handler. Default: {@linkcode CHANNEL_PORT}. */
  readonly channelPort?: number;
  /** Use of associations by more than one session, with one kept ready. Default: true, as in production. */
  readonly reuse?: boolean;
  /** The client handler's setting `associations`. Default: not set, which a handler of version 1 needs. */
  readonly associations?: number | "per-session";
  /** Workers of each handler. Default: 1. */
  readonly workers?: number;
  /** Sessions to allow at once, with an association each. Default: the handlers' own limits. */
  readonly sessions?: number | undefined;
  /** Further flags for V8. Default: none. */
  readonly v8Flags?: string;
  /** The micss to run. Default: this project's. */
  readonly micss?: Micss;
}

/** Port of the second pair's channels, where two run on a testbed. */
const SECOND_PORT = CHANNEL_PORT + 1;

/** Two pairs on one testbed, with shares of full length and with short ones, and the ways through them to a target. */
export async function startBothShares(
  testbed: Testbed,
  load: Load,
  target: number,
  entry: number,
): Promise<{ readonly ways: readonly { system: string; host: string; port: number }[] } & AsyncDisposable> {
  await using making = new AsyncDisposableStack();
  making.use(await startPair(testbed, load, { routes: [{ target, entry }] }));
  const routes = [{ target, entry: entry + 1 }];
  making.use(await startPair(testbed, load, { routes, shares: "short", channelPort: SECOND_PORT }));
  const ways = ["MICSS", "MICSS, short shares"].map((system, at) => ({ system, host: ENTRY_HOST, port: entry + at }));
  const made = making.move();
  return { ways, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Starts both handlers as users run them, except that they log only errors, and waits until they carry connections. */
export async function startPair(testbed: Testbed, load: Load, options: PairOptions): Promise<AsyncDisposable> {
  const {
    routes,
    datagrams = [],
    threshold,
    shares,
    channelPort = CHANNEL_PORT,
    reuse = true,
    associations,
    workers = 1,
    sessions,
    v8Flags,
  } = options;
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const channels = testbed.hosts.map((host) => `${host}:${channelPort}`);
  const micss = options.micss ?? { command: await micssCommand(), cwd: ROOT };
  // Behind the project's own, the last of which counts; those of DENO_V8_FLAGS would give way to them.
  const program = micss.command.map((word) =>
    v8Flags !== undefined && word.startsWith("--v8-flags=") ? `${word},${v8Flags}` : word
  );
  /** @param host Where it listens at `port`. */
  const start = async (
    ...[command, config, within, host, port]: ["server" | "client", unknown, readonly string[], string, number]
  ): Promise<void> => {
    const file = `${path}/${command}.yaml`;
    // JSON is a subset of YAML.
    await Deno.writeTextFile(file, JSON.stringify(config));
    const line = [...program, command, "--config", file];
    const handler = making.use(Program.start(line, { cwd: micss.cwd, within }));
    const exited = handler.exited.then(() => Promise.reject(new Error(handler.describe())));
    await Promise.race([load.wait(host, port), exited]);
  };
  const log = { level: "error" };
  const targetsOf = (routes: readonly Route[]) =>
    Object.fromEntries(routes.map(({ target }) => [target, `127.0.0.1:${target}`]));
  const forwardsOf = (routes: readonly Route[]) =>
    routes.map(({ entry, target }) => `${ENTRY_HOST}:${entry}=far:${target}`);
  const targets = targetsOf(routes);
  const server = {
    ...{ channels, targets, workers, log },
    ...datagrams.length === 0 ? {} : { "udp-targets": targetsOf(datagrams) },
    ...threshold === undefined ? {} : { threshold },
    // A source may have a quarter of them idle.
    ...sessions === undefined ? {} : {
      limits: { associations: 4 * sessions, "accept-rate": 0, waiting: 3000, "waiting-per-source": 3000 },
      timeouts: { handshake: "30s" },
    },
  };
  await start("server", server, testbed.far, testbed.hosts[0]!, channelPort);
  const client = {
    servers: { far: { channels } },
    forward: forwardsOf(routes),
    ...datagrams.length === 0 ? {} : { "udp-forward": forwardsOf(datagrams) },
    ...threshold === undefined ? {} : { threshold },
    ...shares === undefined ? {} : { shares },
    ...{ workers, log },
    ...sessions === undefined ? {} : { limits: { sessions }, timeouts: { handshake: "30s" } },
    ...associations === undefined ? {} : { associations },
    ...reuse ? {} : { associations: "per-session", warm: 0, timeouts: { idle: "1ms" } },
  };
  await start("client", client, testbed.near, ENTRY_HOST, routes[0]!.entry);
  return making.move();
}

/** The micss of another worktree or clone of this project, with the flags that it is run with there. */
export async function micssOf(directory: string): Promise<Micss> {
  const cwd = await Deno.realPath(directory);
  const printed = async (task: string) => words((await run([Deno.execPath(), "task", "-q", task], { cwd })).text());
  const flags = [...await printed("runtime"), ...await printed("std")];
  return { command: [Deno.execPath(), "run", "-q", ...flags, "main.ts"], cwd };
}

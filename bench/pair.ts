import { micssCommand } from "../tests/support/handlers/handlers.ts";
import { makeTempDir, Program } from "../tests/support/programs/process.ts";
import type { Load, Testbed } from "./testbed.ts";

/** The client handler's listening address for applications. */
export const ENTRY_HOST = "127.0.0.1";

const ROOT = new URL("../", import.meta.url).pathname;

/** Configuration of both handlers. */
export interface PairOptions {
  /** Port of the target, on the far host's loopback. */
  readonly target: number;
  /** Port of the client handler's forward. */
  readonly entry: number;
  /** Port of the server handler. Default: 6522. */
  readonly channelPort?: number;
  /** Reuse of associations by later sessions, with one kept ready. Default: true, as in production. */
  readonly reuse?: boolean;
  /** Workers of each handler. Default: 1. */
  readonly workers?: number;
}

/** Starts both handlers as users run them, except that they log only errors, and waits until they carry connections. */
export async function startPair(testbed: Testbed, load: Load, options: PairOptions): Promise<AsyncDisposable> {
  const { target, entry, channelPort = 6522, reuse = true, workers = 1 } = options;
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const channels = testbed.hosts.map((host) => `${host}:${channelPort}`);
  const micss = await micssCommand();
  const start = async (command: string, config: unknown, within: readonly string[]): Promise<void> => {
    const file = `${path}/${command}.yaml`;
    // JSON is a subset of YAML.
    await Deno.writeTextFile(file, JSON.stringify(config));
    making.use(Program.start([...micss, command, "--config", file], { cwd: ROOT, within }));
  };
  const log = { level: "error" };
  await start("server", { channels, targets: { [target]: `127.0.0.1:${target}` }, workers, log }, testbed.far);
  await load.wait(testbed.hosts[0]!, channelPort);
  await start("client", {
    servers: { far: { channels } },
    forward: [`${ENTRY_HOST}:${entry}=far:${target}`],
    workers,
    log,
    ...reuse ? {} : { warm: 0, timeouts: { idle: "1ms" } },
  }, testbed.near);
  await load.wait(ENTRY_HOST, entry);
  return making.move();
}

import { micssCommand } from "../tests/support/handlers/handlers.ts";
import { makeTempDir, Program } from "../tests/support/programs/process.ts";
import type { Load, Stage } from "./testbed.ts";

/** Where the client handler lets applications in. */
export const ENTRY_HOST = "127.0.0.1";

const ROOT = new URL("../", import.meta.url).pathname;

/** How both handlers are run. */
export interface PairOptions {
  /** Where sessions lead, on the far host's loopback. */
  readonly target: number;
  /** Where the client handler lets applications in. */
  readonly entry: number;
  /** Where the server handler listens. Default: 6522. */
  readonly channelPort?: number;
  /** Whether associations serve several sessions, and one is kept ready. Default: true, as users have it. */
  readonly reuse?: boolean;
  /** How many workers each has. Default: 1. */
  readonly workers?: number;
}

/** Starts both handlers, as users run them but that they only log errors, and waits until they carry connections. */
export async function startPair(stage: Stage, load: Load, options: PairOptions): Promise<AsyncDisposable> {
  const { target, entry, channelPort = 6522, reuse = true, workers = 1 } = options;
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const channels = stage.hosts.map((host) => `${host}:${channelPort}`);
  const micss = await micssCommand();
  const start = async (command: string, config: unknown, within: readonly string[]): Promise<void> => {
    const file = `${path}/${command}.yaml`;
    // JSON is YAML.
    await Deno.writeTextFile(file, JSON.stringify(config));
    making.use(Program.start([...micss, command, "--config", file], { cwd: ROOT, within }));
  };
  const log = { level: "error" };
  await start("server", { channels, targets: { [target]: `127.0.0.1:${target}` }, workers, log }, stage.far);
  await load.wait(stage.hosts[0]!, channelPort);
  await start("client", {
    servers: { far: { channels } },
    forward: [`${ENTRY_HOST}:${entry}=far:${target}`],
    workers,
    log,
    ...reuse ? {} : { warm: 0, timeouts: { idle: "1ms" } },
  }, stage.near);
  await load.wait(ENTRY_HOST, entry);
  return making.move();
}

import { differences } from "../config/differences.ts";
import { type ReadFile, readFile } from "../config/file.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { serverSpec } from "../config/server.ts";
import type { ServerConfig } from "../config/types.ts";
import type { Key } from "../identify/key.ts";
import { formatAddress } from "../net/address.ts";
import { listenAddresses } from "../net/listen/listen_addresses.ts";
import { ServerHandler } from "../server/mod.ts";
import { DRY_RUN } from "./dry_run_flag.ts";
import { warnOfFewFiles } from "./few_files.ts";
import { loadKeys } from "./keys.ts";
import type { Loaded, Program } from "./program.ts";
import { keyCheck } from "./with_admin.ts";

/** What a server handler has read. */
export interface LoadedServer extends Loaded {
  /** Its settings. */
  readonly config: ServerConfig;
  /** Those that the configuration names. */
  readonly keys: readonly Key[];
}

/** The server handler of a process. @param args What follows `micss server`. */
export function serverProgram(args: string[]): Program<LoadedServer> {
  return {
    command: "server",
    args,
    async load() {
      const config = await listening(parseServerCommand(args, readFile));
      return { config, keys: await loadKeys("micss server: keys", config.keys, "sign") };
    },
    differences(before, after) {
      const [one, other] = [before, after].map(({ keys }) => keys.map(({ id }) => id.toHex()).join());
      const keys = one === other ? [] : ["keys"];
      return [...new Set([...differences(serverSpec.schema, before.config, after.config), ...keys])];
    },
    start({ config, keys }, log, group) {
      const handler = new ServerHandler({ config, keys, log, group });
      if (group.index === 0) warnOfFewFiles(log, handler.limits.possible, config.limits.associations);
      return {
        handler,
        listening: { channels: handler.channels.map(formatAddress).join() },
        checks: ({ config }) => config.keys.map((file) => keyCheck(file, "sign")),
        reload: (loaded) => handler.reload(loaded),
      };
    },
  };
}

/** The same configuration with addresses for names: a channel is at one, the first of the name's that this machine has. */
async function listening(config: ServerConfig): Promise<ServerConfig> {
  const channels = await Promise.all(config.channels.map(async (channel) => (await listenAddresses(channel))[0]!));
  return { ...config, channels };
}

/**
 * Reads what `micss server` is told.
 *
 * @param args What follows `micss server`.
 * @param read Reads the file of `--config`.
 * @throws {UsageError} With a line for each mistake.
 */
export function parseServerCommand(args: string[], read: ReadFile): ServerConfig {
  return readServer(args, read).config;
}

export function readServer(args: string[], read: ReadFile): LoadedConfig<ServerConfig> {
  return loadConfig("micss server", serverSpec, args, { readFile: read, extraFlags: [DRY_RUN] });
}

import type { ClientDirectory } from "../authenticate/client_directory.ts";
import { differences } from "../config/differences.ts";
import { type ReadFile, readFile } from "../config/file.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { serverSpec } from "../config/server.ts";
import type { ServerConfig } from "../config/types.ts";
import type { Key } from "../identify/key.ts";
import type { Log } from "../log/log.ts";
import { formatAddress } from "../net/address.ts";
import { isLoopback } from "../net/ip.ts";
import { listenAddresses } from "../net/listen/listen_addresses.ts";
import { ServerHandler } from "../server/mod.ts";
import { checkServerDatagrams } from "./check_datagrams.ts";
import { DRY_RUN } from "./dry_run_flag.ts";
import { warnOfLowFileLimit } from "./file_limit.ts";
import { loadKeys, loadServerClients } from "./keys.ts";
import type { Loaded, Program } from "./program.ts";
import { type LoadedState, loadState, ServerClients } from "./server_clients.ts";
import { monitorRoutes } from "./routes_monitoring.ts";
import { keyCheck } from "./with_admin.ts";

/** A server's configuration and the files that it names, loaded. */
export interface LoadedServer extends Loaded, LoadedState {
  readonly config: ServerConfig;
  /** Keys that prove its channels to clients. */
  readonly keys: readonly Key[];
  /** Clients of the configuration. */
  readonly clients: ClientDirectory;
}

/** The program of a server handler. @param args Arguments after `micss server`. */
export function serverProgram(args: string[]): Program<LoadedServer> {
  return {
    command: "server",
    args,
    async load() {
      const config = await resolveListeners(parseServerCommand(args, readFile));
      const keys = await loadKeys("micss server: keys", config.keys, "sign");
      const clients = await loadServerClients(() => "micss server: clients", config.clients, keys);
      return { config, keys, clients, ...await loadState(config) };
    },
    differences(before, after) {
      const [old, next] = [before, after].map(({ keys }) => keys.map(({ id }) => id.toHex()).join());
      const keys = old === next ? [] : ["keys"];
      const clients = before.clients.keys.join() === after.clients.keys.join() ? [] : ["clients"];
      return [...new Set([...differences(serverSpec.schema, before.config, after.config), ...keys, ...clients])];
    },
    start(loaded, log, group) {
      checkServerDatagrams(loaded.config);
      const clients = new ServerClients(loaded, { log });
      const handler = new ServerHandler({ ...clients.options, log, group });
      clients.watch((options) => void handler.reload(options));
      let current = loaded.config;
      if (group.index === 0) {
        monitorRoutes(() => current, handler);
        if (!clients.required) warnOfOpenServer(log, loaded.config);
        clients.keepAddresses(handler.channels);
        warnOfLowFileLimit(log, handler.limits.possible, loaded.config.limits);
      }
      return {
        handler,
        listening: { channels: handler.channels.map(formatAddress).join() },
        checks: ({ config: { keys, clients = [] } }) => [
          ...handler.routesChecks,
          ...keys.map((file) => keyCheck(file, "sign")),
          ...(clients === "anyone" ? [] : clients).flatMap(({ keys }) => keys).map((file) => keyCheck(file, "verify")),
        ],
        reload(loaded) {
          current = loaded.config;
          const { options, restartNeeded } = clients.reload(loaded);
          return [...handler.reload(options), ...restartNeeded];
        },
      };
    },
  };
}

/** Warns if all who reach the channels reach the targets, unless that is meant. */
export function warnOfOpenServer(log: Log, { clients, channels }: Pick<ServerConfig, "clients" | "channels">): void {
  if (clients !== undefined || channels.every(({ host }) => isLoopback(host))) return;
  log.warn("any client may connect", {
    reason: "clients are not configured: whoever reaches all channels reaches the targets",
    hint: "invite them with micss invite, give clients, or clients: anyone if that is meant",
  });
}

/** Replaces each channel's name by the first of its addresses that is assigned to this machine. */
async function resolveListeners(config: ServerConfig): Promise<ServerConfig> {
  const channels = await Promise.all(config.channels.map(async (channel) => (await listenAddresses(channel))[0]!));
  return { ...config, channels };
}

/**
 * Reads the configuration of `micss server`.
 *
 * @param args Arguments after `micss server`.
 * @param read Reads the file of `--config`.
 * @throws {UsageError} With a line for each mistake.
 */
export function parseServerCommand(args: string[], read: ReadFile): ServerConfig {
  return readServer(args, read).config;
}

/** Reads the configuration and the flags of `micss server`; see {@linkcode parseServerCommand}. */
export function readServer(args: string[], read: ReadFile): LoadedConfig<ServerConfig> {
  return loadConfig("micss server", serverSpec, args, { readFile: read, extraFlags: [DRY_RUN] });
}

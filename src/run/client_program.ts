import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { type ReadFile, readFile, readUsersFile } from "../config/file.ts";
import { differences } from "../config/differences.ts";
import { clientSpec } from "../config/client.ts";
import type { IngressUsers } from "../client/ingress/protocols.ts";
import { ClientHandler } from "../client/mod.ts";
import type { Option } from "../config/schema.ts";
import { checkClientDatagrams } from "./check_datagrams.ts";
import { keyCheck } from "./with_admin.ts";
import { monitorRoutes } from "./routes_monitoring.ts";
import { monitorRules, rulesChecks } from "./rules_checks.ts";
import type { Loaded, Program } from "./program.ts";
import { loadClientKeys, loadCredentials } from "./keys.ts";
import { readIngressUsers } from "./ingress_users.ts";
import { warnOfLowFileLimit } from "./file_limit.ts";
import { warnOfMissingWays } from "./missing_ways.ts";
import { DRY_RUN } from "./dry_run_flag.ts";
import { hasDefaultIngress, withJoinedServers } from "../state/joined_servers.ts";
import { listenAddresses } from "../net/listen/listen_addresses.ts";
import { StartError } from "../net/listen/listen.ts";
import { hasNativeHelper } from "../net/linux/libc.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { LogFields } from "../log/log.ts";
import type { Credentials } from "../authenticate/credentials.ts";
import type { ScopedKey } from "../identify/learned.ts";
import type { ClientConfig, Forward, Server } from "../config/types.ts";

/** The `--replace` flag. */
export const REPLACE: Option = {
  flag: "replace",
  doc: "Replace a client handler that listens at the same addresses: stop it once this one is ready",
};

/** A client's configuration and the files that it names, loaded. */
export interface LoadedClient extends Loaded {
  readonly config: ClientConfig;
  /** Users of the listeners that authenticate. */
  readonly users: IngressUsers;
  /** Keys of servers. */
  readonly keys: readonly ScopedKey[];
  /** Keys that authenticate configured servers, and this client. */
  readonly credentials: Credentials;
  /** Listens at the default ingress, as none is configured. */
  readonly defaultIngress: boolean;
}

/** The program of a client handler. @param args Arguments after `micss client`. */
export function clientProgram(args: string[]): Program<LoadedClient> {
  return {
    command: "client",
    args,
    async load() {
      const loaded = readClient(args, readFile, withJoinedServers(clientSpec));
      const config = await resolveListeners(loaded.config);
      const users = readIngressUsers(config, readUsersFile);
      const keys = await loadClientKeys("micss client: keys", config.keys);
      const credentials = await loadCredentials(placeOfKey, config);
      const defaultIngress = hasDefaultIngress(loaded.config);
      return { config, users, keys, credentials, defaultIngress, replace: loaded.has("replace") };
    },
    differences(before, after) {
      const ids = ({ keys }: LoadedClient) => keys.map(({ key }) => key.id.toHex()).join();
      const serverIds = ({ credentials: { servers } }: LoadedClient) =>
        servers.values().map(({ serverKey }) => serverKey.id.toHex()).toArray().join();
      const clientId = ({ credentials: { clientKey } }: LoadedClient) => clientKey?.id.toHex();
      const same = (name: keyof IngressUsers) => {
        const [old, next] = [before.users[name], after.users[name]];
        return old === undefined ? next === undefined : old.equals(next);
      };
      return [
        ...new Set([
          ...differences(clientSpec.schema, before.config, after.config),
          ...ids(before) === ids(after) ? [] : ["keys"],
          ...serverIds(before) === serverIds(after) ? [] : ["servers"],
          ...clientId(before) === clientId(after) ? [] : ["client-key"],
          ...same("socks5") ? [] : ["socks5-users"],
          ...same("httpConnect") ? [] : ["http-connect-users"],
        ]),
      ];
    },
    start({ config, users, keys, credentials, defaultIngress, replace }, log, group) {
      checkSystem(config);
      const handler = new ClientHandler(config, { log, users, keys, credentials, group, replace });
      let current = config;
      // These concern the whole machine, so one worker is enough.
      if (group.index === 0) {
        warnOfLowFileLimit(log, handler.limits.possible, config.limits);
        warnOfMissingWays(log, config.servers);
        monitorRules(() => current, handler);
        monitorRoutes(() => current, handler);
        if (defaultIngress) log.info("joined servers", usageOf(config));
      }
      return {
        handler,
        listening: listeningFields(handler),
        checks: ({ config }) => [
          ...config.keys.map(({ file }) => keyCheck(file, "verify")),
          ...config.servers.flatMap(({ key }) => key ?? []).map((file) => keyCheck(file, "verify")),
          ...config.clientKey === undefined ? [] : [keyCheck(config.clientKey, "sign")],
          ...group.index === 0 ? [...rulesChecks(config, handler), ...handler.routesChecks] : [],
          ...config.servers.map(({ name }) => ({
            name: `server ${name}`,
            need: "any" as const,
            run: () => handler.verifyServer(name),
          })),
        ],
        reload({ config, users, keys, credentials }) {
          current = config;
          if (group.index === 0) warnOfMissingWays(log, config.servers);
          return handler.reload(config, { users, keys, credentials });
        },
      };
    },
  };
}

/** Place of a server's key in messages, or of the client's. */
function placeOfKey(server: Server | null): string {
  return `micss client: ${server === null ? "client-key" : `servers.${server.name}.key`}`;
}

/**
 * Reads the configuration of `micss client`.
 *
 * @param args Arguments after `micss client`.
 * @param read Reads the file of `--config`.
 * @throws {UsageError} With a line for each mistake.
 */
export function parseClientCommand(args: string[], read: ReadFile): ClientConfig {
  return readClient(args, read).config;
}

/** Reads the configuration and the flags of `micss client`; see {@linkcode parseClientCommand}. */
export function readClient(args: string[], read: ReadFile, spec = clientSpec): LoadedConfig<ClientConfig> {
  return loadConfig("micss client", spec, args, { readFile: read, extraFlags: [REPLACE, DRY_RUN] });
}

/** Replaces names to listen at by their addresses, of which there may be several. */
async function resolveListeners(config: ClientConfig): Promise<ClientConfig> {
  const all = async (addresses: readonly Address[]) => {
    return (await Promise.all(addresses.map((address) => listenAddresses(address)))).flat();
  };
  const resolve = async (forwards: readonly Forward[]) => {
    return (await Promise.all(forwards.map(async (forward) => {
      return (await listenAddresses(forward.listen)).map((listen) => ({ ...forward, listen }));
    }))).flat();
  };
  return {
    ...config,
    forwards: await resolve(config.forwards),
    udpForwards: await resolve(config.udpForwards),
    redirects: await all(config.redirects),
    tproxies: await all(config.tproxies),
    udpTproxies: await all(config.udpTproxies),
    socks5: await all(config.socks5),
    httpConnects: await all(config.httpConnects),
  };
}

/** @throws {StartError} When the system does not support a configured setting. */
export function checkSystem(config: ClientConfig): void {
  const native = hasNativeHelper(), { redirects } = config;
  if (redirects.length > 0 && !native.ok) throw new StartError(`--redirect ${native.why}; use --forward instead`);
  checkClientDatagrams(config, native);
}

/** The servers' names and the way to reach them by the default ingress, for the log. */
function usageOf({ servers, socks5 }: ClientConfig): LogFields {
  const [first] = servers, [listen] = socks5;
  return {
    names: servers.map(({ name }) => name).join(),
    try: `curl --proxy socks5h://${formatAddress(listen!)} http://${first!.name}/`,
  };
}

/** Listening addresses, for the log. */
function listeningFields({ ingress, udpForwards, udpTproxies }: ClientHandler): LogFields {
  const list = (addresses: readonly Address[]) => {
    return addresses.length === 0 ? undefined : addresses.map(formatAddress).join();
  };
  return {
    forwards: list(ingress.at("forward")),
    redirects: list(ingress.at("redirect")),
    tproxies: list(ingress.at("tproxy")),
    "udp-forwards": list(udpForwards),
    "udp-tproxies": list(udpTproxies),
    socks5: list(ingress.at("socks5")),
    "http-connect": list(ingress.at("http-connect")),
  };
}

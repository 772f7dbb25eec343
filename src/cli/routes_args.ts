import { checkChannelCount } from "../config/check.ts";
import { checkServers, clientSpec } from "../config/client.ts";
import { type ReadFile, readFile } from "../config/file.ts";
import { parseConfig } from "../config/load.ts";
import { readFlags } from "../config/flags.ts";
import type { Spec } from "../config/read.ts";
import { serverSpec } from "../config/server.ts";
import type { ClientConfig, LogConfig, ServerConfig } from "../config/types.ts";
import { isIp } from "../net/ip.ts";
import { clientChannels, type RoutedChannel, serverChannels } from "../routes/mod.ts";
import { type Side, systemNames } from "../rules/mod.ts";

/** Settings of `micss routes`. */
export interface RoutesSettings {
  /** The handler's side. */
  readonly side: Side;
  /** Log settings of `watch`. */
  readonly log: LogConfig;
  /** Some channels have names, whose addresses may change. */
  readonly named: boolean;
  /** Resolves names and lists the channels. @throws {UsageError} If one can't have routes of its own. */
  channels(): Promise<RoutedChannel[]>;
}

/** A client's configuration, as far as its channels are concerned. Servers that it joined have no ways, and are left out. */
const clientRoutesSpec: Spec<ClientConfig> = {
  schema: clientSpec.schema,
  side: "client",
  check({ servers }, problems) {
    if (servers.length === 0) {
      problems.at(
        servers,
        "no server; give --config FILE, or --server 'NAME=HOST via DEVICE,HOST via DEVICE', also if it is joined",
      );
    }
    checkServers(servers, problems);
    for (const channel of servers.flatMap(({ channels }) => channels)) {
      if (channel.via !== undefined) continue;
      const host = channel.host.includes(":") ? `[${channel.host}]` : channel.host;
      problems.at(channel, `no way for ${host}; write ${host} via DEVICE, or via ADDRESS for a local address`);
    }
  },
};

/** A server's configuration, likewise. */
const serverRoutesSpec: Spec<ServerConfig> = {
  ...serverSpec,
  check: ({ channels }, problems) => checkChannelCount(channels, channels, problems),
};

/**
 * Reads the settings of `micss routes print`, `apply` and `watch`.
 *
 * @param subject Start of messages: "micss routes apply".
 * @throws {UsageError} With a line for each mistake.
 */
export function readRoutes(
  subject: string,
  side: Side,
  args: string[],
  read: ReadFile = readFile,
): RoutesSettings {
  if (side === "server") {
    const config = parseConfig(`${subject} server`, serverRoutesSpec, args, read);
    const hosts = config.channels.map(({ host }) => host);
    return settingsOf(side, config.log, hosts, (names) => serverChannels(config, names));
  }
  const config = parseConfig(subject, clientRoutesSpec, args, read);
  const hosts = config.servers.flatMap(({ channels }) => channels.map(({ host }) => host));
  return settingsOf(side, config.log, hosts, (names) => clientChannels(config, names));
}

function settingsOf(
  side: Side,
  log: LogConfig,
  hosts: readonly string[],
  channels: (names: Awaited<ReturnType<typeof systemNames>>) => RoutedChannel[],
): RoutesSettings {
  return {
    side,
    log,
    named: !hosts.every(isIp),
    channels: async () => channels(await systemNames(hosts)),
  };
}

/** Refuses arguments of `micss routes remove`. @throws {UsageError} If there are any. */
export function refuseArguments(subject: string, args: string[]): void {
  readFlags(subject, [], args);
}

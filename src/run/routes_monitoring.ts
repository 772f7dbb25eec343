import type { ClientHandler } from "../client/mod.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import { routableChannels, type RoutedChannel } from "../routes/channels.ts";
import { systemNames } from "../rules/names.ts";
import type { ServerHandler } from "../server/mod.ts";

/** Channels of a configuration: names are resolved once, as when routes are applied. */
const cached = new WeakMap<object, Promise<readonly RoutedChannel[]>>();

/**
 * Makes a handler report whether routes keep its channels apart.
 *
 * @param config Returns the current configuration.
 */
export function monitorRoutes<C extends ClientConfig | ServerConfig>(
  config: () => C,
  handler: C extends ClientConfig ? ClientHandler : ServerHandler,
): void {
  handler.monitorRoutes(() => {
    const current = config();
    const channels = cached.get(current) ?? listChannels(current);
    cached.set(current, channels);
    return channels;
  });
}

async function listChannels(config: ClientConfig | ServerConfig): Promise<RoutedChannel[]> {
  const hosts = "servers" in config
    ? config.servers.flatMap(({ channels }) => channels.filter(({ via }) => via !== undefined))
    : config.channels;
  if (hosts.length === 0) return [];
  return routableChannels(config, await systemNames(hosts.map(({ host }) => host)));
}

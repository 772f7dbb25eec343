import { formatAddress, formatChannel } from "../net/address.ts";
import { adminSyntax } from "../config/admin.ts";
import { formatScope } from "../config/scope.ts";
import { targetSyntax } from "../config/server.ts";
import type { ClientConfig, ServerConfig, Target } from "../config/types.ts";
import type { AdminAddress } from "../config/admin.ts";
import { systemDatabasePath } from "../identify/database.ts";
import type { Key } from "../identify/key.ts";
import type { ScopedKey } from "../identify/learned.ts";

/** Lists what a server handler would do with this configuration, one line per action. */
export function serverDryRun(config: ServerConfig, keys: readonly Key[]): string[] {
  const { channels, targets, udpTargets, announce, admin } = config;
  const relayed = (what: string) => (target: Target) => {
    const [, to] = targetSyntax.format(target).split("=");
    return `relay ${what} for ${target.port === "*" ? "any other port" : `port ${target.port}`} to ${to}`;
  };
  const announced = (announce.length > 0 ? announce : channels).map(formatAddress).join(", ");
  return [
    ...channels.map((channel) => `accept channels at ${formatAddress(channel)}`),
    ...targets.map(relayed("sessions")),
    ...udpTargets.map(relayed("datagrams")),
    ...keys.map(({ id }) => `announce its channels to clients with key ${id.toHex()}: ${announced}`),
    ...adminLines(admin),
  ];
}

/** Lists what a client handler would do, likewise. */
export function clientDryRun(config: ClientConfig, keys: readonly ScopedKey[]): string[] {
  const { servers, forwards, unknown } = config;
  const listeners = {
    redirect: config.redirects,
    tproxy: config.tproxies,
    socks5: config.socks5,
    "http-connect": config.httpConnects,
  };
  return [
    ...forwards.map(({ listen, server, port }) =>
      `accept connections at ${formatAddress(listen)} for ${formatAddress({ host: server, port })}`
    ),
    ...Object.entries(listeners).flatMap(([setting, addresses]) =>
      addresses.map((address) => `accept connections at ${formatAddress(address)} (${setting})`)
    ),
    ...config.udpForwards.map(({ listen, server, port }) =>
      `receive datagrams at ${formatAddress(listen)} for ${formatAddress({ host: server, port })}`
    ),
    ...config.udpTproxies.map((address) => `receive datagrams at ${formatAddress(address)} (udp-tproxy)`),
    ...servers.map(({ name, channels, ports }) =>
      `reach ${name} over ${channels.length} channels: ${channels.map(formatChannel).join(", ")}` +
      (ports === undefined ? "" : `; redirected connections only for port ${ports.join(", ")}`)
    ),
    ...keys.map(({ scope, key }) => `ask ${formatScope(scope)} for its channels with key ${key.id.toHex()}`),
    ...keys.length === 0 && config.database === undefined
      ? []
      : [`store learned channels in ${config.database ?? systemDatabasePath()}`],
    unknown === "direct"
      ? "forward connections to unknown destinations directly, without protection"
      : "refuse connections to unknown destinations",
    ...adminLines(config.admin),
  ];
}

function adminLines(admin: AdminAddress | undefined): string[] {
  return admin === undefined ? [] : [`serve the admin interface at ${adminSyntax.format(admin)}`];
}

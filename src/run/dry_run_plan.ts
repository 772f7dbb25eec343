import { formatAddress } from "../net/address.ts";
import { adminSyntax } from "../config/admin.ts";
import { formatScope } from "../config/scope.ts";
import { targetSyntax } from "../config/server.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import type { AdminAddress } from "../config/admin.ts";
import { systemDatabasePath } from "../identify/database.ts";
import type { Key } from "../identify/key.ts";
import type { ScopedKey } from "../identify/learned.ts";

/** What a server handler would do with a configuration and its keys, a line each. */
export function serverDryRun({ channels, targets, announce, admin }: ServerConfig, keys: readonly Key[]): string[] {
  const told = (announce.length > 0 ? announce : channels).map(formatAddress).join(", ");
  return [
    ...channels.map((channel) => `listen for channels at ${formatAddress(channel)}`),
    ...targets.map((target) => {
      const [, to] = targetSyntax.format(target).split("=");
      return `connect sessions for ${target.port === "*" ? "every other port" : `port ${target.port}`} to ${to}`;
    }),
    ...keys.map(({ id }) => `tell clients that have key ${id.toHex()} its channels: ${told}`),
    ...looked(admin),
  ];
}

/** What a client handler would do, likewise. */
export function clientDryRun(config: ClientConfig, keys: readonly ScopedKey[]): string[] {
  const { servers, forwards, unknown } = config;
  const ways = { redirect: config.redirects, tproxy: config.tproxies, socks5: config.socks5 };
  const entries = Object.entries({ ...ways, "http-connect": config.httpConnects });
  return [
    ...forwards.map(({ listen, server, port }) =>
      `take connections at ${formatAddress(listen)} for ${formatAddress({ host: server, port })}`
    ),
    ...entries.flatMap(([way, addresses]) =>
      addresses.map((address) => `take connections at ${formatAddress(address)} by ${way}`)
    ),
    ...servers.map(({ name, channels, ports }) =>
      `reach ${name} over ${channels.length} channels: ${channels.map(formatAddress).join(", ")}` +
      (ports === undefined ? "" : `; redirected connections to its port ${ports.join(", ")} alone`)
    ),
    ...keys.map(({ scope, key }) => `ask ${formatScope(scope)} for its channels by key ${key.id.toHex()}`),
    ...keys.length === 0 && config.database === undefined
      ? []
      : [`keep learned channels in ${config.database ?? systemDatabasePath()}`],
    unknown === "direct"
      ? "pass connections to where no server is known on, in the clear"
      : "refuse connections to where no server is known",
    ...looked(config.admin),
  ];
}

function looked(admin: AdminAddress | undefined): string[] {
  return admin === undefined ? [] : [`be looked at at ${adminSyntax.format(admin)}`];
}

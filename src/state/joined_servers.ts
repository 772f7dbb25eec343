import { UsageError } from "../config/problems.ts";
import type { Spec } from "../config/read.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import { ClientState } from "./client_state.ts";
import { systemStateDirectory } from "./place.ts";
import { StateError } from "./state_error.ts";

/** Ingress of a client that joined a server and configures none. */
const DEFAULT_INGRESS: readonly Address[] = [{ host: "127.0.0.1", port: 1080 }];

/** The specification of a client's configuration, to which the servers that this client joined are added. */
export function withJoinedServers(spec: Spec<ClientConfig>): Spec<ClientConfig> {
  return { ...spec, complete: addJoinedServers };
}

/** Reports whether a client listens at the default ingress, as none is configured. */
export function hasDefaultIngress({ socks5 }: Pick<ClientConfig, "socks5">): boolean {
  return socks5 === DEFAULT_INGRESS;
}

/**
 * Adds the servers that this client joined; a configured one of the same name takes precedence. Without any ingress, SOCKS5
 * at the loopback address is added, too.
 *
 * @throws {UsageError} If the state directory can't be read.
 */
function addJoinedServers(config: ClientConfig): ClientConfig {
  const configured = new Set(config.servers.map(({ name }) => name));
  const joined = joinedServers(config).filter(({ name }) => !configured.has(name));
  if (joined.length === 0) return config;
  const { forwards, udpForwards, redirects, tproxies, udpTproxies, socks5, httpConnects } = config;
  const ingress = [forwards, udpForwards, redirects, tproxies, udpTproxies, socks5, httpConnects];
  const listens = ingress.some(({ length }) => length > 0);
  return { ...config, servers: [...config.servers, ...joined], ...!listens && { socks5: DEFAULT_INGRESS } };
}

function joinedServers({ state }: ClientConfig): ClientConfig["servers"] {
  try {
    const servers = new ClientState(state ?? systemStateDirectory()).servers();
    return servers.map(({ name, channels, serverKey, clientKey }) => ({
      name,
      channels,
      joined: { serverKey: serverKey.material, clientKey: clientKey.material },
    }));
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new UsageError([`micss: ${error.path}: ${error.message}`]);
  }
}

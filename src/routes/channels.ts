import { UsageError } from "../config/problems.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import { formatChannel } from "../net/address.ts";
import type { Protocol } from "../net/linux/route.ts";
import { isIp, isLoopback, sameHost, withoutZone } from "../net/ip.ts";
import type { ResolvedNames } from "../rules/names.ts";
import { type Family, familyOfHost } from "../rules/ruleset.ts";
import { isLinkLocal } from "./flows.ts";

/** The settings of a server that matter for its routes. */
type RoutedServer = Pick<ServerConfig, "channels" | "workers" | "udpTargets">;

/** Packets that a server sends on a channel. */
export interface ServerPackets {
  /** The channel's address. */
  readonly from: string;
  /** Its ports, inclusive. */
  readonly ports: readonly [first: number, last: number];
  /** UDP is among them if the server carries datagrams. */
  readonly protocols: readonly Protocol[];
}

/** A channel that is to have routes of its own, at one of its addresses. */
export interface RoutedChannel {
  /** Name in messages: `channel 1 of web (192.0.2.10:6522 via wlan0)`. */
  readonly name: string;
  /** Name of its server on a client; empty on a server. */
  readonly server: string;
  /** Its number, from 1. */
  readonly index: number;
  /** Version of IP. */
  readonly family: Family;
  /** Device that its packets leave by, or local address of the device; its text identifies its table. */
  readonly via: string;
  /** Its packets: to the server's address on a client, from its own address and ports on a server. */
  readonly packets: { readonly to: string } | ServerPackets;
}

/**
 * Lists the channels of a client's servers. Packets are told by their destination rather than by their local address,
 * because a socket has none yet when the kernel looks up the route of its first packet.
 *
 * @throws {UsageError} If a channel can't have routes of its own; a line for each.
 */
export function clientChannels(config: Pick<ClientConfig, "servers">, names: ResolvedNames): RoutedChannel[] {
  const { channels, lines } = listClient(config, names);
  return checked(channels, lines);
}

/** Lists the channels that can have routes of their own, and no others. @param config A client's or a server's. */
export function routableChannels(
  config: Pick<ClientConfig, "servers"> | RoutedServer,
  names: ResolvedNames,
): RoutedChannel[] {
  const { channels } = "servers" in config ? listClient(config, names) : listServer(config, names);
  return channels.filter(({ packets }) => !isLoopback("to" in packets ? packets.to : packets.from));
}

/** Channels, and complaints about those that can't have routes of their own. */
interface Listed {
  readonly channels: RoutedChannel[];
  readonly lines: readonly string[];
}

function listClient({ servers }: Pick<ClientConfig, "servers">, names: ResolvedNames): Listed {
  const lines: string[] = [];
  const all = servers.flatMap(({ name, channels }) =>
    channels.flatMap((channel, index): RoutedChannel[] => {
      const title = `channel ${index + 1} of ${name} (${formatChannel(channel)})`;
      const { host, via } = channel;
      if (via === undefined) {
        lines.push(`${title}: no way; write its device or local address after via`);
        return [];
      }
      const hosts = names.addresses(host).filter((address) =>
        !isIp(via) || familyOfHost(via) === familyOfHost(address)
      );
      if (hosts.length === 0) lines.push(`${title}: ${unusable(host)}`);
      if (hosts.some(isLoopback)) {
        lines.push(`${title}: a loopback address takes no link; give the server's own address`);
      }
      if (hosts.some(isLinkLocal)) lines.push(`${title}: a link-local address has its link already; give a global one`);
      return hosts.map((to) => ({
        name: title,
        server: name,
        index: index + 1,
        family: familyOfHost(to),
        via,
        packets: { to },
      }));
    })
  );
  all.forEach((channel, index) => {
    const other = all.slice(0, index).find(({ packets, via }) =>
      sameTo(packets, channel.packets) && via !== channel.via
    );
    if (other === undefined || !("to" in channel.packets)) return;
    const to = channel.packets.to;
    lines.push(`${channel.name}: ${to} is also the address of ${other.name}; give each way a destination of its own`);
  });
  return { channels: all, lines };
}

/**
 * Lists the channels of a server.
 *
 * @throws {UsageError} If a channel can't have routes of its own; a line for each.
 */
export function serverChannels(
  config: RoutedServer,
  names: ResolvedNames,
): RoutedChannel[] {
  const { channels, lines } = listServer(config, names);
  return checked(channels, lines);
}

function listServer({ channels, workers, udpTargets }: RoutedServer, names: ResolvedNames): Listed {
  const lines: string[] = [], protocols: readonly Protocol[] = udpTargets.length > 0 ? ["tcp", "udp"] : ["tcp"];
  const all = channels.flatMap((channel, index): RoutedChannel[] => {
    const title = `channel ${index + 1} (${formatChannel(channel)})`;
    const { host, port } = channel;
    if (host === "0.0.0.0" || host === "::") {
      lines.push(`${title}: any address; give the address that its link has`);
      return [];
    }
    if (port === 0) lines.push(`${title}: port 0 is a different port each time; give it a fixed one`);
    const hosts = names.addresses(host);
    if (hosts.length === 0) lines.push(`${title}: ${unusable(host)}`);
    if (hosts.some(isLoopback)) lines.push(`${title}: a loopback address has no link; give the address of one`);
    // Each worker listens one port above the one before.
    const ports = [port, port + workers - 1] as const;
    return hosts.map((from) => ({
      name: title,
      server: "",
      index: index + 1,
      family: familyOfHost(from),
      via: from,
      packets: { from, ports, protocols },
    }));
  });
  return { channels: all, lines };
}

function checked(channels: RoutedChannel[], lines: readonly string[]): RoutedChannel[] {
  if (lines.length > 0) throw new UsageError(lines.map((line) => `micss routes: ${line}`));
  return channels;
}

function unusable(host: string): string {
  return isIp(withoutZone(host))
    ? "not of the family of its way; give two of one"
    : "does not resolve; give an address";
}

function sameTo(one: RoutedChannel["packets"], other: RoutedChannel["packets"]): boolean {
  return "to" in one && "to" in other && sameHost(one.to, other.to);
}

/** A laptop with Wi-Fi and LTE, and channels over both, for tests of planned routes. */
import { channelSyntax } from "../../src/config/channel.ts";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import { clientChannels, type RoutedChannel, serverChannels } from "../../src/routes/mod.ts";
import type { DeviceRoute, Network } from "../../src/routes/network.ts";

/** Routes of `main`, by both devices. */
export const MAIN: readonly DeviceRoute[] = [
  { to: "default", gateway: "192.168.1.1", device: "wlan0", metric: 600 },
  { to: "default", gateway: "10.64.0.1", device: "lte0", metric: 700 },
  { to: "192.168.1.0/24", device: "wlan0", source: "192.168.1.5", metric: 600 },
  { to: "10.64.0.0/24", device: "lte0", source: "10.64.0.2", metric: 0 },
];

/** The laptop over IPv4, without rules or routes of ours. */
export const LAPTOP: Network = {
  family: "ipv4",
  addresses: [
    { device: "lo", host: "127.0.0.1" },
    { device: "wlan0", host: "192.168.1.5" },
    { device: "lte0", host: "10.64.0.2" },
  ],
  main: MAIN,
  rules: [],
  routes: [],
};

/** A machine without IPv6. */
export const WITHOUT_IPV6: Network = { family: "ipv6", addresses: [], main: [], rules: [], routes: [] };

/** Addresses of names, for tests. */
export function names(hosts: Readonly<Record<string, readonly string[]>> = {}) {
  return {
    user: () => undefined,
    group: () => undefined,
    addresses: (host: string) => hosts[host] ?? (/^[\d.]+$|:/.test(host) ? [host] : []),
  };
}

/** The channels of a client with one server, in the syntax of the configuration. */
export function client(channels: readonly string[], hosts = {}): RoutedChannel[] {
  const servers = [{ name: "web", channels: channels.map((text) => channelSyntax.parse(text)) }];
  return clientChannels({ servers }, names(hosts));
}

/** The channels of a server. */
export function server(channels: readonly string[], workers = 1): RoutedChannel[] {
  const addresses = channels.map((text) => parseAddress(text, 6522));
  return serverChannels({ channels: addresses, workers, udpTargets: [] }, names());
}

/** The laptop's two channels. */
export const CHANNELS: RoutedChannel[] = client(["192.0.2.10 via wlan0", "198.51.100.10 via 10.64.0.2"]);

/** The names of channels and their packets, for comparison. */
export function shown(channels: readonly RoutedChannel[]): string[] {
  return channels.map(({ packets, via }) =>
    "to" in packets
      ? `to ${packets.to} via ${via}`
      : `from ${formatAddress({ host: packets.from, port: packets.ports[0] })}-${packets.ports[1]}`
  );
}

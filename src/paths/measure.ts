import type { Server } from "../config/types.ts";
import { reasonOf } from "../errors/errors.ts";
import { assignAddresses } from "../client/servers/address_assignment.ts";
import { closeProbe } from "../identify/probe.ts";
import { type ChannelAddress, formatChannel } from "../net/address.ts";
import type { DatagramNetwork } from "../net/datagram.ts";
import { canonicalHost, isIp, sameHost, withoutZone } from "../net/ip.ts";
import { routeOf } from "../net/linux/route.ts";
import { trace } from "../net/linux/trace.ts";
import { connectInTurn } from "../net/names/dial.ts";
import type { LocalMachine } from "../net/names/local_machine.ts";
import { ownAddresses } from "../net/own_hosts.ts";
import type { System } from "../net/system/system.ts";
import { keptApart } from "../routes/kept.ts";
import { type LargestDatagrams, largestDatagrams, longestUdpPayload } from "./datagrams.ts";
import type { ChannelPath } from "./path.ts";
import { type Shared, sharedBy } from "./shared.ts";

/** The paths of a server's channels. Without what fits them all where that is unknown for one of them. */
export interface ServerPaths extends Partial<LargestDatagrams> {
  /** The server's name. */
  readonly server: string;
  /** Its channels. */
  readonly channels: readonly ChannelPath[];
  /** Devices, gateways and hops of two channels or more. */
  readonly shared: readonly Shared[];
}

/** Options of {@linkcode measurePaths}. */
export interface MeasureOptions extends Pick<System, "network" | "clock">, Pick<LocalMachine, "resolve"> {
  /** Makes UDP sockets, which send nothing. */
  readonly datagrams: DatagramNetwork;
  /** Time limit for each connection, in milliseconds. */
  readonly timeout: number;
}

/** Number of connections whose shortest time is the round trip. */
const CONNECTIONS = 2;

/**
 * Finds the path of each channel of a server. Takes two time limits for connections, 5 s to resolve names, and 3.5 s at
 * most.
 */
export async function measurePaths({ name, channels }: Server, options: MeasureOptions): Promise<ServerPaths> {
  const hosts = await addressesOf(channels, options);
  const paths = await Promise.all(channels.map((channel, at) => pathOf(channel, at + 1, hosts[at]!, options)));
  const largest = largestDatagrams(paths.map(({ maxDatagram }) => maxDatagram));
  return { server: name, channels: paths, ...largest, shared: sharedBy(paths) };
}

/** The IP address of each channel, or the reason why it has none. */
async function addressesOf(
  channels: readonly ChannelAddress[],
  { resolve }: MeasureOptions,
): Promise<(string | Error)[]> {
  const answers = await Promise.all(channels.map(async ({ host }) => {
    try {
      return isIp(host) ? [canonicalHost(host)] : (await resolve(host)).map(canonicalHost);
    } catch (error) {
      return new Error(reasonOf(error));
    }
  }));
  const assigned = assignAddresses(answers.map((answer) => answer instanceof Error ? [] : answer));
  return answers.map((answer, at) => answer instanceof Error ? answer : assigned?.[at] ?? answer[0]!);
}

async function pathOf(
  address: ChannelAddress,
  channel: number,
  host: string | Error,
  options: MeasureOptions,
): Promise<ChannelPath> {
  const known = { channel, address: formatChannel(address) };
  if (host instanceof Error) return { ...known, host: "", failure: host.message };
  const connected = await connect({ ...address, host }, options);
  const local = "failure" in connected ? undefined : connected.local;
  const route = routeOf({ to: host, ...local !== undefined && { from: local } });
  const way = route === undefined || route === "unreachable" ? undefined : route;
  const from = local ?? way?.local;
  const device = way?.device ?? ownAddresses().find((own) => from !== undefined && sameHost(own.host, from))?.device;
  const strays = device === undefined ? undefined : straysFrom(address.via ?? device, host);
  // Without a connection, its packets may leave by another way.
  const maxDatagram = local === undefined ? undefined : longestUdpPayload(options.datagrams, {
    to: { host, port: address.port },
    from: local,
    ...address.via !== undefined && device !== undefined && { device },
  });
  const hops = from === undefined || device === undefined ? undefined : await trace({ to: host, from, device });
  return {
    ...known,
    host,
    ...from !== undefined && { local: from },
    ...device !== undefined && { device },
    ...way?.gateway !== undefined && { gateway: way.gateway },
    ..."failure" in connected ? { failure: connected.failure } : { roundTrip: connected.roundTrip },
    ...maxDatagram !== undefined && { maxDatagram },
    ...strays !== undefined && { strays },
    ...hops !== undefined && { hops },
  };
}

/** The reason why packets to a host may leave by another way; undefined if they don't, or if that is unknown. */
function straysFrom(via: string, to: string): string | undefined {
  const kept = keptApart({ via, packets: { to } });
  return kept === true ? undefined : kept;
}

/** Connects a few times, by the channel's way if it has one. */
async function connect(
  address: ChannelAddress,
  { network, clock, timeout }: MeasureOptions,
): Promise<{ local: string; roundTrip: number } | { failure: string }> {
  let local = "", roundTrip = Infinity;
  try {
    for (let count = 0; count < CONNECTIONS; count++) {
      const began = clock.now();
      const connection = await connectInTurn([address], { network, clock, timeout });
      roundTrip = Math.min(roundTrip, clock.now() - began);
      local = withoutZone(canonicalHost(connection.local.host));
      await closeProbe(connection, clock);
    }
    return { local, roundTrip: Math.round(roundTrip * 100) / 100 };
  } catch (error) {
    return { failure: reasonOf(error) };
  }
}

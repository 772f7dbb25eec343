import { hostBytes, isIp, isWithin, sameHost, withoutZone } from "../net/ip.ts";
import type { Side } from "../rules/ruleset.ts";
import type { RoutedChannel } from "./channels.ts";
import { RoutesError } from "./error.ts";
import { FALLBACK_METRIC, MAX_TABLES, PRIORITY, tableOf } from "./marks.ts";
import type { DeviceRoute, Network, PolicyRule, TableRoute } from "./network.ts";

/** Maximum number of routes that are copied for a device: a table of the whole Internet is not meant for a channel. */
const MAX_ROUTES = 1000;

/** The way that the packets of one channel take. */
export interface Way {
  /** The channel. */
  readonly channel: RoutedChannel;
  /** Number of its table. */
  readonly table: number;
  /** Its device; undefined while no device has the address. */
  readonly device?: string;
  /** Local addresses of its packets. */
  readonly sources: readonly string[];
  /** The routes of its table, without the one that ends it. */
  readonly routes: readonly DeviceRoute[];
}

/** Rules and routes of one version of IP, and what they are for. */
export interface RoutesPlan {
  /** Rules, without duplicates. */
  readonly rules: readonly PolicyRule[];
  /** Routes of their tables: in each those by a device, the most specific ones first, and then the one that ends it. */
  readonly routes: readonly TableRoute[];
  /** The ways, in the order of the channels. */
  readonly ways: readonly Way[];
}

/**
 * Plans the rules and routes that keep each channel on its device: a table for each way, with the routes that `main` has by
 * the device, and a route below them at which all other packets end.
 *
 * A default route that `main` has no more is kept while its router is on the link, so that another program may take it
 * from `main`.
 *
 * @param channels All channels of a side, of both versions of IP: their tables have the same numbers in both.
 * @throws {RoutesError} If a device has too many routes, or there are too many ways.
 */
export function planRoutes(side: Side, channels: readonly RoutedChannel[], network: Network): RoutesPlan {
  const vias = [...new Set(channels.map(({ via }) => via))];
  if (vias.length > MAX_TABLES) throw new RoutesError(`${vias.length} ways; there can be ${MAX_TABLES}`);
  const own = channels.filter(({ family }) => family === network.family);
  const ways = own.map((channel) => wayOf(channel, tableOf(side, vias.indexOf(channel.via) + 1), network));
  const rules = ways.map(({ channel: { packets }, table }): PolicyRule => ({
    priority: PRIORITY[side],
    ...packets,
    table,
  }));
  const tables = new Map(ways.map((way) => [way.table, way]));
  return {
    rules: [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()],
    routes: [...tables.values()].flatMap(({ table, routes }) => [
      ...routes.map((route) => ({ ...route, table })),
      { table, to: "default", metric: FALLBACK_METRIC } as const,
    ]),
    ways,
  };
}

function wayOf(channel: RoutedChannel, table: number, network: Network): Way {
  const { via, packets } = channel;
  const isAt = (host: string) => sameHost(host, via);
  const device = isIp(via) ? network.addresses.find(({ host }) => isAt(host))?.device : via;
  const addresses = network.addresses.filter((own) => own.device === device).map(({ host }) => withoutZone(host));
  const sources = isIp(via) ? addresses.filter(isAt) : addresses;
  const routes = device === undefined ? [] : routesBy(device, table, network);
  // A server's packets have their local address already; the device's own serves where any does.
  const source = isIp(via) && "to" in packets ? { source: via } : {};
  return {
    channel,
    table,
    ...device !== undefined && { device },
    sources,
    routes: routes.map((route) => ({ ...route, ...source })),
  };
}

/** The routes of `main` by a device, the most specific ones first, and the default route that our table has. */
function routesBy(device: string, table: number, { family, main, routes: ours }: Network): DeviceRoute[] {
  const routes = main.filter((route) => route.device === device);
  if (routes.length > MAX_ROUTES) {
    throw new RoutesError(
      `${device} has ${routes.length} routes in the table main; micss routes copies up to ${MAX_ROUTES}`,
    );
  }
  const links = routes.filter(({ gateway }) => gateway === undefined);
  const kept = routes.some(({ to }) => to === "default")
    ? []
    : ours.filter((route): route is typeof route & DeviceRoute =>
      route.table === table && route.to === "default" && "device" in route && route.device === device &&
      route.gateway !== undefined && links.some((link) => leadsTo(link, route.gateway!))
    );
  const all = [...routes, ...kept].map(({ to, gateway, onlink, metric }): DeviceRoute => ({
    to,
    device,
    ...gateway !== undefined && { gateway },
    ...onlink && { onlink },
    metric,
  }));
  const distinct = new Map(all.toReversed().map((route) => [`${route.to} ${route.metric}`, route]));
  const bits = ({ to }: DeviceRoute) => prefixLength(to, family === "ipv4" ? 32 : 128);
  return [...distinct.values()].toReversed().sort((one, other) => bits(other) - bits(one) || one.metric - other.metric);
}

/** The device's route to a host, as the kernel chooses it; undefined if the table has none. */
export function routeTo(host: string, { routes }: Way): DeviceRoute | undefined {
  return routes.find((route) => leadsTo(route, host));
}

function leadsTo({ to }: DeviceRoute, host: string): boolean {
  if (to === "default") return true;
  const [network = "", bits] = to.split("/");
  return isWithin(host, { host: network, bits: bits === undefined ? 8 * hostBytes(network)!.length : Number(bits) });
}

function prefixLength(to: string, whole: number): number {
  return to === "default" ? 0 : Number(to.split("/")[1] ?? whole);
}

import type { OwnAddress } from "../net/own_hosts.ts";
import type { Family } from "../rules/ruleset.ts";
import { FALLBACK_METRIC, PROTOCOL } from "./marks.ts";

/** A rule that sends packets to a table (ip-rule(8)). All given conditions must match. */
export interface PolicyRule {
  /** Its priority: the lowest number comes first. */
  readonly priority: number;
  /** Destination, an IP address. */
  readonly to?: string;
  /** Local address. */
  readonly from?: string;
  /** Local ports, inclusive, of TCP and UDP. */
  readonly ports?: readonly [first: number, last: number];
  /** Number of the only IP protocol that it takes: no rule that we make has one. */
  readonly protocol?: number;
  /** Number of the table. */
  readonly table: number;
}

/** A route by a device. */
export interface DeviceRoute {
  /** Destination: `default`, a network or an address, as `ip` writes it. */
  readonly to: string;
  /** Name of the device. */
  readonly device: string;
  /** The next router, after `inet6` if it is one of the other version of IP; undefined on the link. */
  readonly gateway?: string;
  /** The router is on the link although no route says so. */
  readonly onlink?: true;
  /** Local address of packets that have none. */
  readonly source?: string;
  /** The lowest comes first; 0 if there is none. */
  readonly metric: number;
}

/** A route in a table of ours. Without a device it ends the table: packets go nowhere. */
export type TableRoute =
  & { readonly table: number }
  & (DeviceRoute | { readonly to: "default"; readonly metric: typeof FALLBACK_METRIC });

/** A machine's addresses, routes and rules, of one version of IP. */
export interface Network {
  /** Version of IP. */
  readonly family: Family;
  /** Addresses of its devices. */
  readonly addresses: readonly OwnAddress[];
  /** Routes of the table `main`. */
  readonly main: readonly DeviceRoute[];
  /** Our rules, of one side. */
  readonly rules: readonly PolicyRule[];
  /** Routes of our tables, of the same side. */
  readonly routes: readonly TableRoute[];
}

/** A rule's words, as `ip rule add` takes them: equal words are equal rules. */
export function ruleWords({ priority, to, from, ports, protocol, table }: PolicyRule): string {
  const sport = ports === undefined ? undefined : ports[0] === ports[1] ? ports[0] : ports.join("-");
  const conditions = [
    ...from === undefined ? [] : [`from ${from}`],
    ...to === undefined ? [] : [`to ${to}`],
    ...protocol === undefined ? [] : [`ipproto ${protocol}`],
    ...sport === undefined ? [] : [`sport ${sport}`],
  ];
  return `${conditions.join(" ")} lookup ${table} priority ${priority} protocol ${PROTOCOL}`;
}

/** A route's words, as `ip route add` takes them: equal words are equal routes. */
export function routeWords(route: TableRoute): string {
  const end = `table ${route.table} proto ${PROTOCOL}`;
  if (!("device" in route)) return `unreachable default metric ${route.metric} ${end}`;
  const { to, gateway, device, onlink, source, metric } = route;
  const words = [
    to,
    ...gateway === undefined ? [] : [`via ${gateway}`],
    `dev ${device}`,
    ...onlink ? ["onlink"] : [],
    ...source === undefined ? [] : [`src ${source}`],
    ...metric === 0 ? [] : [`metric ${metric}`],
    end,
  ];
  return words.join(" ");
}

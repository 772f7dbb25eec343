import { canonicalHost } from "../net/ip.ts";
import type { OwnAddress } from "../net/own_hosts.ts";
import type { Side } from "../rules/ruleset.ts";
import { FALLBACK_METRIC, isTableOf, PRIORITY, PROTOCOL } from "./marks.ts";
import type { DeviceRoute, PolicyRule, TableRoute } from "./network.ts";

/** A row of `ip -N -json`, in which numbers of tables, types and protocols are text. */
type Row = Readonly<Record<string, unknown>>;

/** Numbers of types of routes (rtnetlink(7)): a route by a device, and one at which packets end. */
const UNICAST = "1", UNREACHABLE = "7";

/** The lowest priority: that of the kernel's rule for the table `default`. */
const LAST = 32_767;

/** Reads the output of `ip -json address`, without addresses that can't be used yet. */
export function readAddresses(output: unknown): OwnAddress[] {
  return rowsOf(output).flatMap(({ ifname, addr_info }) =>
    rowsOf(addr_info).filter(({ local, tentative }) => typeof local === "string" && tentative !== true)
      .map(({ local }) => ({ device: String(ifname), host: canonicalHost(String(local)) }))
  );
}

/** Reads the output of `ip -json route show table main`: its routes by a device, those of several devices taken apart. */
export function readMainRoutes(output: unknown): DeviceRoute[] {
  return rowsOf(output).filter(({ type = UNICAST }) => type === UNICAST).flatMap((row) => {
    const hops = row["nexthops"] === undefined ? [row] : rowsOf(row["nexthops"]);
    return hops.flatMap((hop) => readDeviceRoute({ ...row, flags: [], ...hop }) ?? []);
  });
}

/** Reads the output of `ip -json route show table all proto 65`: the routes of a side's tables. */
export function readTableRoutes(output: unknown, side: Side): TableRoute[] {
  return rowsOf(output).flatMap((row): TableRoute[] => {
    const table = Number(row["table"]);
    if (!isTableOf(side, table)) return [];
    if (row["type"] === UNREACHABLE) return [{ table, to: "default", metric: FALLBACK_METRIC }];
    const route = readDeviceRoute(row);
    return route === undefined ? [] : [{ ...route, table }];
  });
}

/** Reads the output of `ip -json rule`: the rules of a side. */
export function readRules(output: unknown, side: Side): PolicyRule[] {
  return rowsOf(output).flatMap((row): PolicyRule[] => {
    const { protocol, src, dst, ipproto, sport, sport_start, sport_end } = row;
    const [priority, table] = [Number(row["priority"] ?? LAST), Number(row["table"])];
    if (Number(protocol) !== PROTOCOL || priority !== PRIORITY[side] || !isTableOf(side, table)) return [];
    const [first, last] = [Number(sport ?? sport_start), Number(sport ?? sport_end)];
    return [{
      priority,
      ...typeof dst === "string" && { to: canonicalHost(dst) },
      ...src !== "all" && { from: canonicalHost(String(src)) },
      ...!Number.isNaN(first) && { ports: [first, last] as const },
      ...ipproto !== undefined && { protocol: Number(/\d+/.exec(String(ipproto))?.[0]) },
      table,
    }];
  });
}

function readDeviceRoute({ dst, dev, gateway, via, prefsrc, metric, flags }: Row): DeviceRoute | undefined {
  const words = Array.isArray(flags) ? flags : [];
  if (typeof dev !== "string" || words.includes("dead")) return undefined;
  const other = via as { host?: unknown } | undefined;
  const router = typeof gateway === "string" ? gateway : other && `inet6 ${other.host}`;
  return {
    to: String(dst),
    device: dev,
    ...router !== undefined && { gateway: router },
    ...words.includes("onlink") && { onlink: true as const },
    ...typeof prefsrc === "string" && { source: canonicalHost(prefsrc) },
    metric: Number(metric ?? 0),
  };
}

function rowsOf(output: unknown): Row[] {
  return Array.isArray(output) ? output.filter((row) => typeof row === "object" && row !== null) : [];
}

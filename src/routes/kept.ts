import { type Flow, routeOf, routingRules, type Rule, tableEnds } from "../net/linux/route.ts";
import { sameHost, withoutZone } from "../net/ip.ts";
import { type OwnAddress, ownAddresses } from "../net/own_hosts.ts";
import { familyOfHost } from "../rules/ruleset.ts";
import type { RoutedChannel } from "./channels.ts";
import { ANYWHERE, isLinkLocal } from "./flows.ts";

/** Remedy for channels that routes don't keep. */
const REMEDY = "run micss routes apply";

/** Numbers of the kernel's own tables. */
const DEFAULT = 253, MAIN = 254;

/**
 * Reports whether routes keep a channel on its link: whether its packets leave by its device, and go nowhere rather than by
 * another one when it is down. Asks the kernel, whichever program made the routes; sends nothing, and needs no capability.
 *
 * @param own This machine's addresses.
 * @returns True, the reason why they don't, or undefined if the system can't tell.
 */
export function keptApart(
  { via, packets }: Pick<RoutedChannel, "via" | "packets">,
  own: readonly OwnAddress[] = ownAddresses(),
): true | string | undefined {
  const deviceOf = (address: string) => own.find(({ host }) => sameHost(host, address))?.device;
  if ("from" in packets) {
    const { from, ports: [fromPort], protocols } = packets, to = ANYWHERE[familyOfHost(from)];
    return allKept(protocols.map((protocol) => keepsFlow({ to, from, fromPort, protocol }, deviceOf(from))));
  }
  const { to } = packets;
  const device = deviceOf(via) ?? via;
  const sources = own.filter((one) => one.device === device).map(({ host }) => withoutZone(host))
    .filter((host) => familyOfHost(host) === familyOfHost(to) && isLinkLocal(host) === isLinkLocal(to));
  return allKept([{ to }, ...sources.map((from) => ({ to, from }))].map((flow) => keepsFlow(flow, device)));
}

function allKept(answers: readonly (true | string | undefined)[]): true | string | undefined {
  return answers.find((answer) => typeof answer === "string") ?? (answers.includes(undefined) ? undefined : true);
}

function keepsFlow(flow: Flow, device: string | undefined): true | string | undefined {
  const family = familyOfHost(flow.to);
  const route = routeOf(flow);
  if (route === undefined) return undefined;
  if (route === "unreachable") {
    // Its link may be down: then the table that has no route for it now must be one that ends.
    const rule = routingRules(family)?.find((rule) => takes(rule, flow));
    return rule !== undefined && tableEnds(rule.table, family) ? true : undefined;
  }
  // An address of this machine: no link is involved.
  if (route.device === "lo") return undefined;
  if (device !== undefined && route.device !== device) return `leaves by ${route.device}, not ${device}; ${REMEDY}`;
  if (route.table === MAIN || route.table === DEFAULT) {
    return `no route of its own: when ${route.device} is down, another takes its place; ${REMEDY}`;
  }
  const ends = tableEnds(route.table, family);
  return ends === false ? `table ${route.table} has no unreachable default route; ${REMEDY}` : ends;
}

/** True for a rule that takes exactly a channel's packets. */
function takes({ to, from, ports, protocol }: Rule, flow: Flow): boolean {
  if (protocol !== undefined && protocol !== flow.protocol) return false;
  if (to !== undefined) return sameHost(to, flow.to) && from === undefined;
  if (from === undefined || flow.from === undefined || !sameHost(from, flow.from)) return false;
  return ports === undefined || flow.fromPort !== undefined && ports[0] <= flow.fromPort && flow.fromPort <= ports[1];
}

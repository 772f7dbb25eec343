import { PROBE_PORTS, SENTINELS } from "./sentinel.ts";
import { UsageError } from "../config/problems.ts";
import type { ClientRules, Selector } from "../config/rules.ts";
import type { ClientConfig } from "../config/types.ts";
import { datagramChains } from "./datagrams.ts";
import { type ListenerPorts, listenerPorts, type ListenerSetting, missingListener } from "./listener_ports.ts";
import type { ResolvedNames } from "./names.ts";
import { type Destination, destinationsOf, type ResolvedServer, resolveServers } from "./resolved_servers.ts";
import { type Chain, FAMILIES, type Family, type Rule, type Ruleset } from "./ruleset.ts";

/** User that packages create for the handler: exempt by default, if it exists. */
const HANDLER_USER = "micss";

/** Rules for a client handler, with notes for the user. */
export interface ClientRulesPlan {
  /** The rules. */
  readonly ruleset: Ruleset;
  /** One line each. */
  readonly notes: readonly string[];
}

/** The parts of a configuration that rules for both protocols have in common. */
interface Selection {
  /** Rules that exempt users and groups. */
  readonly accounts: readonly Rule[];
  /** Rules that exempt destinations. */
  readonly exemptions: readonly Rule[];
  /** Users whose connections are taken; empty for all. */
  readonly users: readonly { readonly text: string; readonly user: number }[];
  /** Devices whose incoming, forwarded connections are taken too. */
  readonly takeFrom: readonly string[];
}

/**
 * Makes the rules that redirect connections to the client handler (paper, section III-B), in this order: sentinels by
 * which the handler detects the rules; exemptions for its own connections, for local destinations and for the channels;
 * redirections. Those for datagrams are likewise, in chains of their own.
 *
 * @throws {UsageError} If the configuration can't be turned into rules, above all where they would redirect one version
 * of IP and silently leave the other.
 */
export function clientRulesPlan(config: ClientConfig, names: ResolvedNames): ClientRulesPlan {
  const rules = config.rules!, { takeFrom } = rules;
  const hasUdp = rules.takeUdp.length > 0, hasTcp = config.redirects.length > 0 || !hasUdp;
  if (hasTcp && config.redirects.length === 0 && config.udpTproxies.length > 0) {
    throw new UsageError(["micss rules: nothing to take; give --take-udp, such as servers or *:53"]);
  }
  const tcpPorts = hasTcp ? listenerPorts("redirect", config.redirects, takeFrom.length > 0) : {};
  const udpPorts = hasUdp ? listenerPorts("udp-tproxy", config.udpTproxies, takeFrom.length > 0) : {};
  const { exempt: accounts, notes } = accountExemptions(rules, names);
  if (config.unknown === "direct" && accounts.length === 0) {
    throw new UsageError([
      "micss rules: with unknown: direct, the handler's own connections would be redirected back to it; " +
      "give --exempt-uid",
    ]);
  }
  const servers = resolveServers(config, names);
  const destinations = (selectors: readonly Selector[]) =>
    selectors.flatMap((selector) => destinationsOf(selector, servers));
  const exemptions: readonly Rule[] = [
    { note: "Local destinations, including the handler's listeners", local: true, verdict: "return" },
    ...servers.flatMap((server) => channelExemptions(server, accounts.length > 0)),
    ...destinations(rules.exempt).map((to): Rule => ({ ...to, note: `Exempt: ${to.note}`, verdict: "return" })),
  ];
  const users = rules.takeUsers.map((text) => ({ text, user: accountNumber("take-user", text, names.user(text)) }));
  const both = users.find(({ user }) => accounts.some((rule) => rule.user === user));
  if (both !== undefined) {
    throw new UsageError([`micss rules: user ${both.text} is both taken and exempt; drop one of the two`]);
  }
  const selection: Selection = { accounts, exemptions, users, takeFrom };
  const tcp = hasTcp ? within("redirect", tcpPorts, destinations(rules.take)) : [];
  if (hasTcp && tcp.length === 0) {
    throw new UsageError(["micss rules: nothing to take; give --take, such as *:80 or servers"]);
  }
  const udp = within("udp-tproxy", udpPorts, destinations(rules.takeUdp));
  const chains = [
    ...hasTcp ? connectionChains(tcp, tcpPorts, selection) : [],
    ...hasUdp ? datagramChains({ ...selection, ports: udpPorts, taken: udp }) : [],
  ];
  return {
    ruleset: { side: "client", chains },
    notes: [
      ...notes,
      ...takeFrom.length === 0 ? [] : [`connections from ${takeFrom.join()} can't be verified from this machine`],
      ...hasUdp || config.udpTproxies.length === 0
        ? []
        : ["no datagrams are taken, despite udp-tproxy; give --take-udp, such as servers or *:53"],
    ],
  };
}

/** Checks that each destination has a listener of its version of IP. @throws {UsageError} If not. */
function within(setting: ListenerSetting, ports: ListenerPorts, destinations: Destination[]): Destination[] {
  const missing = destinations.find(({ family }) => ports[family] === undefined);
  if (missing !== undefined) throw missingListener(setting, missing);
  return destinations;
}

/** Makes the chains that redirect connections. */
function connectionChains(taken: readonly Destination[], ports: ListenerPorts, selection: Selection): Chain[] {
  const { accounts, exemptions, users, takeFrom } = selection;
  const redirections = taken.map((to): Rule => {
    return { ...to, note: `Redirected: ${to.note}`, verdict: { redirect: ports[to.family]! } };
  });
  const ofUsers = users.length === 0
    ? redirections
    : users.flatMap(({ text, user }) =>
      redirections.map((rule): Rule => ({ ...rule, user, note: `${rule.note}, of user ${text}` }))
    );
  const forwarded = takeFrom.flatMap((from) => redirections.map((rule): Rule => ({ ...rule, from })));
  const sentinels = FAMILIES.filter((family) => taken.some((to) => to.family === family)).flatMap((family) =>
    sentinelRules(family, ports[family]!)
  );
  const output: Chain = { hook: "output", rules: [...sentinels, ...accounts, ...exemptions, ...ofUsers] };
  return forwarded.length === 0 ? [output] : [output, { hook: "prerouting", rules: [...exemptions, ...forwarded] }];
}

/** Rules for the handler's own probes, which come before its exemption. */
function sentinelRules(family: Family, redirect: number): Rule[] {
  const { host, port } = SENTINELS.redirect[family];
  const note = "Sentinels: the handler detects by these that the rules work";
  const sentinel: Rule = { note, sentinel: true, verdict: { redirect } };
  return [
    { ...sentinel, to: { host, bits: family === "ipv4" ? 32 : 128 }, toPort: port },
    { ...sentinel, family, fromPort: PROBE_PORTS },
  ];
}

function accountExemptions(rules: ClientRules, names: ResolvedNames): { exempt: Rule[]; notes: string[] } {
  const named = rules.exemptUids.length + rules.exemptGids.length > 0;
  const uids = named ? rules.exemptUids : names.user(HANDLER_USER) === undefined ? [] : [HANDLER_USER];
  const note = "The handler's own connections";
  const users = uids.map((text): Rule => {
    return { note, user: accountNumber("exempt-uid", text, names.user(text)), verdict: "return" };
  });
  const groups = rules.exemptGids.map((text): Rule => {
    return { note, group: accountNumber("exempt-gid", text, names.group(text)), verdict: "return" };
  });
  const exempt = [...users, ...groups];
  if (exempt.length === 0) {
    const why = `no user is given, and ${HANDLER_USER} does not exist`;
    return {
      exempt,
      notes: [
        `only the configured channels are exempt (${why}); run the handler as a dedicated user and give --exempt-uid`,
      ],
    };
  }
  const all = exempt.some(({ user, group }) => (user ?? group) === 0);
  return {
    exempt,
    notes: all ? ["root is exempt: root's connections are not redirected; run the handler as a dedicated user"] : [],
  };
}

function accountNumber(flag: string, text: string, number: number | undefined): number {
  if (number !== undefined) return number;
  const [what, file] = flag.endsWith("gid") ? ["group", "/etc/group"] : ["user", "/etc/passwd"];
  throw new UsageError([
    `micss rules: --${flag} "${text}": no such ${what} in ${file}; give an existing one or a number`,
  ]);
}

/** Exempts the channels, so that the handler can reach its servers even if its user is not exempt. */
function channelExemptions({ name, networks, serves, channel }: ResolvedServer, exempt: boolean): Rule[] {
  if (serves?.includes(channel)) {
    if (exempt) return [];
    throw new UsageError([
      `micss rules: ${name} serves port ${channel}, which is also a channel's: only the user distinguishes them; ` +
      "give --exempt-uid",
    ]);
  }
  const note = `Channels of ${name}`;
  return networks.map((to): Rule => ({ note, to, toPort: channel, verdict: "return" }));
}

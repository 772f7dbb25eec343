import { PROBE_PORTS, SENTINELS } from "./sentinel.ts";
import { UsageError } from "../config/problems.ts";
import type { ClientRules, Selector } from "../config/rules.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import type { ResolvedNames } from "./names.ts";
import { type Destination, destinationsOf, type ResolvedServer, resolveServers } from "./resolved_servers.ts";
import { FAMILIES, type Family, type Rule, type Ruleset } from "./ruleset.ts";

/** User that packages create for the handler: exempt by default, if it exists. */
const HANDLER_USER = "micss";

/** Rules for a client handler, with notes for the user. */
export interface ClientRulesPlan {
  /** The rules. */
  readonly ruleset: Ruleset;
  /** One line each. */
  readonly notes: readonly string[];
}

/**
 * Makes the rules that redirect connections to the client handler (paper, section III-B), in this order: sentinels by
 * which the handler detects the rules; exemptions for its own connections, for local destinations and for the channels;
 * redirections.
 *
 * @throws {UsageError} If the configuration can't be turned into rules, above all where they would redirect one version
 * of IP and silently leave the other.
 */
export function clientRulesPlan(config: ClientConfig, names: ResolvedNames): ClientRulesPlan {
  const rules = config.rules!;
  const ports = redirectPorts(config.redirects, rules.takeFrom.length > 0);
  const { exempt, notes } = accountExemptions(rules, names);
  if (config.unknown === "direct" && exempt.length === 0) {
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
    ...servers.flatMap((server) => channelExemptions(server, exempt.length > 0)),
    ...destinations(rules.exempt).map((to): Rule => ({ ...to, note: `Exempt: ${to.note}`, verdict: "return" })),
  ];
  const taken = destinations(rules.take).map((to): Rule => {
    const port = ports[to.family];
    if (port === undefined) throw missingListener(to);
    return { ...to, note: `Redirected: ${to.note}`, verdict: { redirect: port } };
  });
  if (taken.length === 0) throw new UsageError(["micss rules: nothing to take; give --take, such as *:80 or servers"]);
  const users = rules.takeUsers.map((text) => ({ text, user: accountNumber("take-user", text, names.user(text)) }));
  const redirections = users.length === 0 ? taken : users.flatMap(({ text, user }) => {
    if (exempt.some((rule) => rule.user === user)) {
      throw new UsageError([`micss rules: user ${text} is both taken and exempt; drop one of the two`]);
    }
    return taken.map((rule): Rule => ({ ...rule, user, note: `${rule.note}, of user ${text}` }));
  });
  const forwarded = rules.takeFrom.flatMap((from) => taken.map((rule): Rule => ({ ...rule, from })));
  const sentinels = FAMILIES.filter((family) => taken.some((rule) => rule.family === family)).flatMap((family) =>
    sentinelRules(family, ports[family]!)
  );
  const chains = [{ hook: "output" as const, rules: [...sentinels, ...exempt, ...exemptions, ...redirections] }];
  if (forwarded.length === 0) return { ruleset: { side: "client", chains }, notes };
  const gateway = { hook: "prerouting" as const, rules: [...exemptions, ...forwarded] };
  return {
    ruleset: { side: "client", chains: [...chains, gateway] },
    notes: [...notes, `connections from ${rules.takeFrom.join()} can't be verified from this machine`],
  };
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

/** Ports that REDIRECT can reach: on loopback for this machine's connections, at any address for those of others. */
function redirectPorts(redirects: readonly Address[], forwarding: boolean): Partial<Record<Family, number>> {
  if (redirects.length === 0) {
    throw new UsageError(["micss rules: no redirect address; give --redirect, such as 0.0.0.0:6522"]);
  }
  if (redirects.some(({ port }) => port === 0)) {
    throw new UsageError(["micss rules: a redirect at port 0 gets a different port each time; give it a fixed one"]);
  }
  const at = (...hosts: string[]) => redirects.find(({ host }) => hosts.includes(host))?.port;
  const ports = {
    // An IPv6 socket at :: accepts IPv4 connections too.
    ipv4: at("0.0.0.0", ...forwarding ? [] : ["127.0.0.1"]) ?? at("::"),
    ipv6: at("::", ...forwarding ? [] : ["::1"]),
  };
  if (ports.ipv4 === undefined && ports.ipv6 === undefined) {
    const anywhere = forwarding ? "0.0.0.0 or [::]" : "0.0.0.0, [::] or loopback";
    throw new UsageError([`micss rules: rules can't reach any redirect address; let one be at ${anywhere}`]);
  }
  return Object.fromEntries(Object.entries(ports).filter(([, port]) => port !== undefined));
}

/** An error, since connections meant to be redirected would pass in the clear. */
function missingListener({ note, to, family }: Destination): UsageError {
  const [name, other] = family === "ipv4" ? ["IPv4", "[::]/0"] : ["IPv6", "0.0.0.0/0"];
  const where = to === undefined ? "" : ` at ${to.host}`;
  const narrower = to === undefined ? `, or take ${other} instead of *` : "";
  return new UsageError([
    `micss rules: ${note}${where} would bypass the handler over ${name}, which no redirect address accepts; ` +
    `let one be at [::], which accepts both${narrower}`,
  ]);
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

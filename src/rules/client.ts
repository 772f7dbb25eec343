import { PROBE_PORTS, SENTINELS } from "./sentinel.ts";
import { UsageError } from "../config/problems.ts";
import type { ClientRules, Selector } from "../config/rules.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import type { ResolvedNames } from "./names.ts";
import { type Part, partsOf, type ResolvedServer, resolveServers } from "./resolved_servers.ts";
import { FAMILIES, type Family, type Rule, type Ruleset } from "./ruleset.ts";

/** The user whom packages make for the handler: exempt where it exists and nobody else is named. */
export const HANDLER_USER = "micss";

/** Rules, and what a person should know about them. */
export interface ClientRulesPlan {
  /** What to put in place. */
  readonly ruleset: Ruleset;
  /** A line each. */
  readonly notes: readonly string[];
}

/**
 * The rules that send connections to the client handler (paper, section III-B): a sign of theirs for itself comes first;
 * its own connections, what stays on this machine, and the channels themselves are left alone; then comes what is taken.
 *
 * @throws {UsageError} Where the configuration can't be made into rules, above all where they would take the connections
 * of one version of IP and silently leave those of the other.
 */
export function clientRulesPlan(config: ClientConfig, names: ResolvedNames): ClientRulesPlan {
  const rules = config.rules!;
  const ports = redirectPorts(config.redirects, rules.takeFrom.length > 0);
  const { exempt, notes } = exemptAccounts(rules, names);
  if (config.unknown === "direct" && exempt.length === 0) {
    throw new UsageError([
      "micss rules: with unknown: direct the handler connects to anywhere, and the rules would send it back to itself; " +
      "give --exempt-uid",
    ]);
  }
  const places = resolveServers(config, names);
  const parts = (selectors: readonly Selector[]) => selectors.flatMap((selector) => partsOf(selector, places));
  const left: readonly Rule[] = [
    { note: "What stays on this machine, the handler's own listeners among it", local: true, verdict: "return" },
    ...places.flatMap((place) => channelRules(place, exempt.length > 0)),
    ...parts(rules.exempt).map((part): Rule => ({ ...part, note: `Exempt: ${part.note}`, verdict: "return" })),
  ];
  const taken = parts(rules.take).map((part): Rule => {
    const port = ports[part.family];
    if (port === undefined) throw noListener(part);
    return { ...part, note: `Taken: ${part.note}`, verdict: { redirect: port } };
  });
  if (taken.length === 0) throw new UsageError(["micss rules: nothing to take; give --take, such as *:80 or servers"]);
  const users = rules.takeUsers.map((text) => ({ text, user: account("take-user", text, names.user(text)) }));
  const theirs = users.length === 0 ? taken : users.flatMap(({ text, user }) => {
    if (exempt.some((rule) => rule.user === user)) {
      throw new UsageError([`micss rules: user ${text} is both taken and exempt; drop one of the two`]);
    }
    return taken.map((rule): Rule => ({ ...rule, user, note: `${rule.note}, of user ${text}` }));
  });
  const forwarded = rules.takeFrom.flatMap((from) => taken.map((rule): Rule => ({ ...rule, from })));
  const signs = FAMILIES.filter((family) => taken.some((rule) => rule.family === family)).flatMap((family) =>
    signsOf(family, ports[family]!)
  );
  const chains = [{ hook: "output" as const, rules: [...signs, ...exempt, ...left, ...theirs] }];
  if (forwarded.length === 0) return { ruleset: { side: "client", chains }, notes };
  const gateway = { hook: "prerouting" as const, rules: [...left, ...forwarded] };
  return {
    ruleset: { side: "client", chains: [...chains, gateway] },
    notes: [...notes, `connections that come in by ${rules.takeFrom.join()} can't be tried from this machine`],
  };
}

/** Rules for the handler alone, which is exempt from all others. */
function signsOf(family: Family, redirect: number): Rule[] {
  const { host, port } = SENTINELS.redirect[family];
  const note = "By these the handler sees that rules are in place, and that no other rule comes first";
  const sign = { note, sign: true, verdict: { redirect } } as const;
  return [
    { ...sign, to: { host, bits: family === "ipv4" ? 32 : 128 }, toPort: port },
    { ...sign, family, fromPort: PROBE_PORTS },
  ];
}

/** Where REDIRECT finds the handler: on loopback for this machine's connections, at any address for those of others. */
function redirectPorts(redirects: readonly Address[], forwarding: boolean): Partial<Record<Family, number>> {
  if (redirects.length === 0) {
    throw new UsageError(["micss rules: no redirect to send connections to; give --redirect, such as 0.0.0.0:6522"]);
  }
  if (redirects.some(({ port }) => port === 0)) {
    throw new UsageError(["micss rules: a redirect at port 0 is at another port each time; give it a fixed one"]);
  }
  const at = (...hosts: string[]) => redirects.find(({ host }) => hosts.includes(host))?.port;
  const ports = {
    // An IPv6 socket at :: takes IPv4 connections too.
    ipv4: at("0.0.0.0", ...forwarding ? [] : ["127.0.0.1"]) ?? at("::"),
    ipv6: at("::", ...forwarding ? [] : ["::1"]),
  };
  if (ports.ipv4 === undefined && ports.ipv6 === undefined) {
    const anywhere = forwarding ? "0.0.0.0 or [::]" : "0.0.0.0, [::] or loopback";
    throw new UsageError([`micss rules: no redirect that rules can send to; let one listen at ${anywhere}`]);
  }
  return Object.fromEntries(Object.entries(ports).filter(([, port]) => port !== undefined));
}

/** To go on would leave what is meant to be taken in the clear. */
function noListener({ note, to, family }: Part): UsageError {
  const [name, other] = family === "ipv4" ? ["IPv4", "[::]/0"] : ["IPv6", "0.0.0.0/0"];
  const where = to === undefined ? "" : ` at ${to.host}`;
  const narrower = to === undefined ? `, or take ${other} instead of *` : "";
  return new UsageError([
    `micss rules: ${note}${where} is to be taken over ${name}, and would pass by the handler: no redirect takes that; ` +
    `let it listen at [::], which takes both${narrower}`,
  ]);
}

function exemptAccounts(rules: ClientRules, names: ResolvedNames): { exempt: Rule[]; notes: string[] } {
  const named = rules.exemptUids.length + rules.exemptGids.length > 0;
  const uids = named ? rules.exemptUids : names.user(HANDLER_USER) === undefined ? [] : [HANDLER_USER];
  const note = "The handler's own connections";
  const users = uids.map((text): Rule => {
    return { note, user: account("exempt-uid", text, names.user(text)), verdict: "return" };
  });
  const groups = rules.exemptGids.map((text): Rule => {
    return { note, group: account("exempt-gid", text, names.group(text)), verdict: "return" };
  });
  const exempt = [...users, ...groups];
  if (exempt.length === 0) {
    const why = `no user ${HANDLER_USER} here and none named`;
    return {
      exempt,
      notes: [
        `only the configured channels are exempt (${why}); better run the handler as a user of its ` +
        "own and give --exempt-uid",
      ],
    };
  }
  const all = exempt.some(({ user, group }) => (user ?? group) === 0);
  return {
    exempt,
    notes: all
      ? ["root is exempt: none of root's connections is taken; better run the handler as a user of its own"]
      : [],
  };
}

function account(flag: string, text: string, number: number | undefined): number {
  if (number !== undefined) return number;
  const [what, file] = flag.endsWith("gid") ? ["group", "/etc/group"] : ["user", "/etc/passwd"];
  throw new UsageError([`micss rules: --${flag} "${text}": no such ${what} in ${file}; give one that is, or a number`]);
}

/** Leaves channels alone, so that the handler reaches its servers also where it is not exempt. */
function channelRules({ name, networks, serves, channel }: ResolvedServer, exempt: boolean): Rule[] {
  if (serves?.includes(channel)) {
    if (exempt) return [];
    throw new UsageError([
      `micss rules: ${name} serves port ${channel}, where a channel of it is too: only the user can tell them apart; ` +
      "give --exempt-uid",
    ]);
  }
  const note = `The channels of ${name}`;
  return networks.map((to): Rule => ({ note, to, toPort: channel, verdict: "return" }));
}

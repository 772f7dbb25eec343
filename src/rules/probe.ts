import type { Address } from "../net/address.ts";
import { bytesHost, hostBytes, isWithin, type Subnet } from "../net/ip.ts";
import { MARK } from "./mark.ts";
import { type Chain, type Family, familyOf, familyOfHost, type Protocol, type Rule, type Ruleset } from "./ruleset.ts";

/** A connection or datagram that tests the rules: they must redirect it. */
export interface Probe {
  /** TCP for a connection, UDP for a datagram. */
  readonly protocol: Protocol;
  /** The version of IP that it tests. */
  readonly family: Family;
  /** The rule that must redirect it. */
  readonly rule: Rule;
  /** Its destination, which it does not reach if the rules work. */
  readonly to: Address;
  /** The user who must connect; undefined for any user who is not exempt. */
  readonly user: number | undefined;
}

/** Addresses reserved for documentation (RFC 5737, RFC 3849). */
const UNASSIGNED: Readonly<Record<Family, string>> = { ipv4: "192.0.2.1", ipv6: "2001:db8::1" };

/** Destination port for rules that redirect every port: discard's (RFC 863). */
const ANY_PORT = 9;

/**
 * Chooses a connection or datagram that tests the rules for one version of IP.
 *
 * @param hosts Real addresses of servers, preferred as destinations.
 * @param isLocal Tests whether an address is this machine's.
 * @returns Undefined if the rules redirect none of this machine's over that version.
 */
export function chooseProbe(
  { chains }: Ruleset,
  protocol: Protocol,
  family: Family,
  hosts: readonly string[],
  isLocal: (host: string) => boolean,
): Probe | undefined {
  const own = protocol === "tcp" ? "output" : "udp_output";
  const rules = chains.find(({ hook }) => hook === own)?.rules ?? [];
  for (const [at, rule] of rules.entries()) {
    if (typeof rule.verdict === "string" || rule.sentinel || familyOf(rule) !== family) continue;
    const real = hosts.filter((host) => familyOfHost(host) === family && covers(rule.to, host));
    const fallback = rule.to === undefined ? UNASSIGNED[family] : firstHost(rule.to);
    const to = [...real, fallback].map((host) => ({ host, port: rule.toPort ?? ANY_PORT }))
      .find((to) => !rules.slice(0, at).some((earlier) => matches(earlier, to, isLocal)));
    if (to === undefined) continue;
    return { protocol, family, rule, to, user: rule.user };
  }
  return undefined;
}

/**
 * Adds a twin of the probe's rule right before it, which matches the probe's source port only and redirects to its own
 * listener. It verifies the real rule without affecting other connections. A datagram is marked by the real rule; the twin is
 * of the rule that hands marked ones over.
 *
 * @param fromPort The probe's source port.
 * @param redirect The port of its listener.
 */
export function withProbe(
  ruleset: Ruleset,
  { protocol, family, rule }: Probe,
  fromPort: number,
  redirect: number,
): Ruleset {
  const note = "Temporary: verifies the next rule";
  const [hook, isTwins, verdict] = protocol === "tcp"
    ? ["output", (other: Rule) => other === rule, { redirect }] as const
    : ["udp_prerouting", isHandOver(family), { tproxy: redirect, mark: MARK }] as const;
  const insert = (chain: Chain) => {
    const at = chain.hook === hook ? chain.rules.findIndex(isTwins) : -1;
    if (at < 0) return chain;
    const twin: Rule = { ...chain.rules[at]!, note, fromPort, verdict };
    return { ...chain, rules: chain.rules.toSpliced(at, 0, twin) };
  };
  return { ...ruleset, chains: ruleset.chains.map(insert) };
}

/** Finds the rule that hands over this machine's own datagrams of a version of IP. */
function isHandOver(family: Family): (rule: Rule) => boolean {
  return (rule) => rule.family === family && rule.mark === MARK;
}

/** True if an earlier rule decides on connections to `address`, as far as that depends on the destination. */
function matches(rule: Rule, address: Address, isLocal: (host: string) => boolean): boolean {
  const { local, manyTo, to, toPort, user, group, family, sentinel } = rule;
  if (sentinel || manyTo) return false;
  if (local) return isLocal(address.host);
  if (user !== undefined || group !== undefined) return false;
  if (family !== undefined && family !== familyOfHost(address.host)) return false;
  return covers(to, address.host) && (toPort === undefined || toPort === address.port);
}

function covers(subnet: Subnet | undefined, host: string): boolean {
  return subnet === undefined || isWithin(host, subnet);
}

/** The first host address of a network. */
function firstHost({ host, bits }: Subnet): string {
  const bytes = hostBytes(host)!;
  if (bits < 8 * bytes.length) bytes[bytes.length - 1]! |= 1;
  return bits === 0 ? UNASSIGNED[familyOfHost(host)] : bytesHost(bytes);
}

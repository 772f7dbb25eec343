import type { Address } from "../net/address.ts";
import { bytesHost, hostBytes, isWithin, type Subnet } from "../net/ip.ts";
import { type Chain, type Family, familyOf, familyOfHost, type Rule, type Ruleset } from "./ruleset.ts";

/** A connection that the rules have to take: a way to see that they do. */
export interface Probe {
  /** The version of IP that it proves. */
  readonly family: Family;
  /** The rule that has to take it. */
  readonly rule: Rule;
  /** Where it goes; nobody there hears of it, if the rules work. */
  readonly to: Address;
  /** Whose it has to be; undefined for anybody who is not exempt. */
  readonly user: number | undefined;
}

/** Addresses for documentation, which nobody has (RFC 5737, RFC 3849). */
const NOBODY: Readonly<Record<Family, string>> = { ipv4: "192.0.2.1", ipv6: "2001:db8::1" };

/** Where every port is taken, one is as good as another: discard's (RFC 863). */
const ANY_PORT = 9;

/**
 * Chooses a connection to try the rules with, for one version of IP.
 *
 * @param hosts Real addresses of servers; where the rules take them, one of them is tried.
 * @param isLocal Whether an address is this machine's.
 * @returns Undefined when the rules take none of this machine's connections over it.
 */
export function chooseProbe(
  { chains }: Ruleset,
  family: Family,
  hosts: readonly string[],
  isLocal: (host: string) => boolean,
): Probe | undefined {
  const rules = chains.find(({ hook }) => hook === "output")?.rules ?? [];
  for (const [at, rule] of rules.entries()) {
    if (typeof rule.verdict === "string" || rule.sign || familyOf(rule) !== family) continue;
    const real = hosts.filter((host) => familyOfHost(host) === family && covers(rule.to, host));
    const nobody = rule.to === undefined ? NOBODY[family] : someHost(rule.to);
    const to = [...real, nobody].map((host) => ({ host, port: rule.toPort ?? ANY_PORT }))
      .find((to) => !rules.slice(0, at).some((earlier) => matches(earlier, to, isLocal)));
    if (to === undefined) continue;
    return { family, rule, to, user: rule.user };
  }
  return undefined;
}

/**
 * The rules with one more, for one connection alone: the same as the probe's but for the port that it comes from and the
 * port that it is sent to, in the same chain, at the same place. So it proves the real one, and disturbs nobody's.
 *
 * @param fromPort The probe's own port.
 * @param redirect Where its listener is.
 */
export function withProbe(ruleset: Ruleset, { rule }: Probe, fromPort: number, redirect: number): Ruleset {
  const twin: Rule = { ...rule, note: "Proves the next one, and is gone in a moment", fromPort, verdict: { redirect } };
  const insert = (chain: Chain) => ({
    ...chain,
    rules: chain.rules.flatMap((other) => chain.hook === "output" && other === rule ? [twin, other] : [other]),
  });
  return { ...ruleset, chains: ruleset.chains.map(insert) };
}

/** Whether an earlier rule decides on a connection to `to`, as far as that depends on the destination. */
function matches(rule: Rule, address: Address, isLocal: (host: string) => boolean): boolean {
  const { local, to, toPort, user, group, family, sign } = rule;
  if (sign) return false;
  if (local) return isLocal(address.host);
  if (user !== undefined || group !== undefined) return false;
  if (family !== undefined && family !== familyOfHost(address.host)) return false;
  return covers(to, address.host) && (toPort === undefined || toPort === address.port);
}

function covers(subnet: Subnet | undefined, host: string): boolean {
  return subnet === undefined || isWithin(host, subnet);
}

/** A network's first address that can be a host's. */
function someHost({ host, bits }: Subnet): string {
  const bytes = hostBytes(host)!;
  if (bits < 8 * bytes.length) bytes[bytes.length - 1]! |= 1;
  return bits === 0 ? NOBODY[familyOfHost(host)] : bytesHost(bytes);
}

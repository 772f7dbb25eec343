import type { ClientHandler } from "../client/mod.ts";
import { UsageError } from "../config/problems.ts";
import { readConfig } from "../config/read.ts";
import { clientRulesSchema } from "../config/rules.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import { hasRoute } from "../net/linux/owned_socket.ts";
import { type Check, Inconclusive } from "../observe/readiness.ts";
import { clientRulesPlan, hostsOf, probesOf, type Protocol, systemNames } from "../rules/mod.ts";

/** Settings of `micss rules` for a file without any. */
const DEFAULT_RULES = readConfig({ schema: clientRulesSchema, check() {} }, { subject: "", flags: new Map() });

/** Ports that other programs' rules most likely concern; probed where our rules take every port. */
const LIKELY_PORTS: Readonly<Record<Protocol, readonly number[]>> = { tcp: [80, 443], udp: [53] };

/** Checks of the rules that --redirect, --tproxy and --udp-tproxy depend on. */
export function rulesChecks(config: ClientConfig, handler: ClientHandler): Check[] {
  const { rules, redirects, tproxies, udpTproxies } = config;
  return [
    ...redirects.length === 0 ? [] : [{
      name: "rules",
      need: "every" as const,
      run: async () => await handler.verifyRules(rules !== undefined, await probeDestinations(config, "tcp")),
    }],
    ...tproxies.length === 0
      ? []
      : [{ name: "TPROXY rules", need: "every" as const, run: () => handler.verifyTproxy() }],
    ...udpTproxies.length === 0 ? [] : [{
      name: "UDP rules",
      need: "every" as const,
      run: async () => {
        const expected = rules !== undefined && rules.takeUdp.length > 0;
        await handler.verifyDatagramRules(expected, await probeDestinations(config, "udp"));
      },
    }],
  ];
}

/**
 * Makes a handler detect by itself that its rules are lost.
 *
 * @param config Returns the current configuration.
 */
export function monitorRules(config: () => ClientConfig, handler: ClientHandler): void {
  if (rulesChecks(config(), handler).length === 0) return;
  handler.monitorRules(async () => {
    const outcomes = await Promise.allSettled(rulesChecks(config(), handler).map(({ run }) => run()));
    const failures = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason] : []);
    const lost = failures.find((error) => !(error instanceof Inconclusive));
    if (lost !== undefined) throw lost;
    if (failures.length === outcomes.length) throw failures[0];
  });
}

/** Results of {@linkcode probeDestinations}: names are resolved once per configuration, as when rules are applied. */
const cachedDestinations = new WeakMap<ClientConfig, readonly ProbedAddress[]>();

/** A destination, and the protocol that is probed there. */
type ProbedAddress = Address & { readonly protocol: Protocol };

/**
 * Destinations to probe whether connections are redirected: one for each rule of `micss rules` and IP version, if there is
 * a route to it.
 */
async function probeDestinations(config: ClientConfig, protocol: Protocol): Promise<Address[]> {
  let found = cachedDestinations.get(config);
  if (found === undefined) {
    found = await resolveDestinations(config);
    if (found.length > 0) cachedDestinations.set(config, found);
  }
  return found.filter((address) => address.protocol === protocol && hasRoute(address));
}

async function resolveDestinations(config: ClientConfig): Promise<ProbedAddress[]> {
  const names = await systemNames(hostsOf(config));
  try {
    const { ruleset } = clientRulesPlan({ ...config, rules: config.rules ?? DEFAULT_RULES }, names);
    const probes = probesOf(ruleset, hostsOf(config).flatMap((host) => names.addresses(host)));
    return probes.flatMap(({ protocol, rule, to }) => {
      const ports = rule.toPort === undefined ? LIKELY_PORTS[protocol] : [to.port];
      return ports.map((port) => ({ ...to, port, protocol }));
    });
  } catch (error) {
    // The rules were made with flags that this configuration lacks, or a name does not resolve now.
    if (error instanceof UsageError) return [];
    throw error;
  }
}

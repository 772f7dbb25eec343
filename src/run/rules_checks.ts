import type { ClientHandler } from "../client/mod.ts";
import { UsageError } from "../config/problems.ts";
import { readConfig } from "../config/read.ts";
import { clientRulesSchema } from "../config/rules.ts";
import type { ClientConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import { hasRoute } from "../net/linux/owned_socket.ts";
import { type Check, NotLookedAt } from "../observe/readiness.ts";
import { clientRulesPlan, hostsOf, probesOf, systemNames } from "../rules/mod.ts";

/** The settings of `micss rules` where the file has none. */
const DEFAULTS = readConfig({ schema: clientRulesSchema, check() {} }, { subject: "", flags: new Map() });

/** Ports that other programs' rules are most likely to be for, tried where ours take every port. */
const LIKELY_PORTS = [80, 443];

/** What leads connections to the ways in that need rules. */
export function rulesChecks(config: ClientConfig, handler: ClientHandler): Check[] {
  const { rules, redirects, tproxies } = config;
  return [
    ...redirects.length === 0 ? [] : [{
      name: "rules",
      need: "every" as const,
      run: async () => await handler.verifyRules(rules !== undefined, await destinationsOf(config)),
    }],
    ...tproxies.length === 0
      ? []
      : [{ name: "TPROXY rules", need: "every" as const, run: () => handler.proveTproxy() }],
  ];
}

/**
 * Lets a handler notice by itself when its rules are lost.
 *
 * @param config Tells the configuration in force.
 */
export function monitorRules(config: () => ClientConfig, handler: ClientHandler): void {
  if (rulesChecks(config(), handler).length === 0) return;
  handler.monitorRules(async () => {
    const looks = await Promise.allSettled(rulesChecks(config(), handler).map(({ run }) => run()));
    const failures = looks.flatMap((look) => look.status === "rejected" ? [look.reason] : []);
    const lost = failures.find((error) => !(error instanceof NotLookedAt));
    if (lost !== undefined) throw lost;
    if (failures.length === looks.length) throw failures[0];
  });
}

/** What {@linkcode destinationsOf} found once: names are looked up no more often than when rules are applied. */
const known = new WeakMap<ClientConfig, readonly Address[]>();

/**
 * Where to connect to see that an application's connection is redirected: one of the destinations that `micss rules` takes
 * over each version of IP, if there is a route to it.
 */
async function destinationsOf(config: ClientConfig): Promise<Address[]> {
  let found = known.get(config);
  if (found === undefined) {
    found = await lookUp(config);
    if (found.length > 0) known.set(config, found);
  }
  return found.filter(hasRoute);
}

async function lookUp(config: ClientConfig): Promise<Address[]> {
  const names = await systemNames(hostsOf(config));
  try {
    const { ruleset } = clientRulesPlan({ ...config, rules: config.rules ?? DEFAULTS }, names);
    const probes = probesOf(ruleset, hostsOf(config).flatMap((host) => names.addresses(host)));
    return probes.flatMap(({ rule, to }) =>
      rule.toPort === undefined ? LIKELY_PORTS.map((port) => ({ ...to, port })) : [to]
    );
  } catch (error) {
    // Whoever made the rules gave flags that this configuration lacks, or a name has no address now.
    if (error instanceof UsageError) return [];
    throw error;
  }
}

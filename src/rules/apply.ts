import { hasRoute } from "../net/linux/owned_socket.ts";
import { ownHosts } from "../net/own_hosts.ts";
import type { Backend, InstalledRules } from "./backend.ts";
import { checkTools, Installed, readRoute } from "./installed.ts";
import { chooseProbe, type Probe, withProbe } from "./probe.ts";
import { FAMILIES, PROTOCOLS, type Ruleset } from "./ruleset.ts";
import { openProbe } from "./verify.ts";
import { RulesError, type Tools } from "./tools.ts";

/** Result of a trial. */
export interface TrialResult {
  /** Probes that arrived with their original destination. */
  readonly verified: readonly Probe[];
  /** Probes that were not made for lack of a route to their destination. */
  readonly untested: readonly Probe[];
}

/**
 * Replaces the installed rules with a ruleset, all or nothing.
 *
 * @param rules The installed rules, if they have just been read.
 * @throws {RulesError} If the tool or the kernel refuses it; the previous rules are in place then.
 */
export async function putRules(
  ruleset: Ruleset,
  backend: Backend,
  tools: Tools,
  rules?: InstalledRules,
): Promise<void> {
  const { side } = ruleset;
  checkTools(ruleset, tools);
  const before = new Installed(rules ?? await backend.read(side), await readRoute(side, tools));
  try {
    for (const command of await before.applyCommands(ruleset)) await tools.run(command);
    await backend.tidy(ruleset, before.rules);
  } catch (error) {
    await backend.restore(side, before.rules);
    const now = await readRoute(side, tools), { families } = before.route;
    for (const command of [...now.applyCommands(families), ...now.removeCommands(families)]) await tools.run(command);
    throw error;
  }
}

/**
 * Tests installed rules with one connection, or one datagram, for each version of IP, which must arrive with its original
 * destination.
 * Without a route to a destination, its probe is skipped and nothing changes. The rules stay in place in any case:
 * incomplete rules are safer than none.
 *
 * @param probes Those of {@linkcode probesOf}, or the remaining ones of an earlier trial.
 * @throws {RulesError} If a connection does not arrive.
 */
export async function tryRules(
  ruleset: Ruleset,
  backend: Backend,
  probes: readonly Probe[],
): Promise<TrialResult> {
  using open = new DisposableStack();
  const rules = ruleset.chains.flatMap((chain) => chain.rules);
  const exempt = rules.filter(({ verdict }) => verdict === "return");
  const [routed, unrouted] = partition(probes, ({ to }) => hasRoute(to));
  if (routed.length === 0) return { verified: [], untested: unrouted };
  try {
    const trials = routed.map((probe) => ({ probe, ends: open.use(openProbe(probe, exempt)) }));
    const withProbes = trials.reduce(
      (all, { probe, ends }) => withProbe(all, probe, ends.fromPort, ends.toPort),
      ruleset,
    );
    const made: boolean[] = [];
    try {
      await backend.replace(withProbes);
      for (const { ends } of trials) made.push(await ends.verify());
    } finally {
      await backend.replace(ruleset);
    }
    const [verified, lost] = partition(routed, (_, at) => made[at]!);
    return { verified, untested: [...unrouted, ...lost] };
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    throw new RulesError(`${error.message}; the rules stay in place`);
  }
}

/**
 * Chooses the connections and datagrams that test a ruleset: one for each protocol and version of IP that it redirects.
 *
 * @param hosts The servers' addresses.
 */
export function probesOf(ruleset: Ruleset, hosts: readonly string[]): Probe[] {
  const own = ownHosts();
  const isLocal = (host: string) => own.includes(host) || host.startsWith("127.");
  return PROTOCOLS.flatMap((protocol) =>
    FAMILIES.flatMap((family) => chooseProbe(ruleset, protocol, family, hosts, isLocal) ?? [])
  );
}

function partition<T>(items: readonly T[], matches: (item: T, at: number) => boolean): [T[], T[]] {
  return [items.filter(matches), items.filter((item, at) => !matches(item, at))];
}

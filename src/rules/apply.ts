import { hasRoute } from "../net/linux/owned_socket.ts";
import { ownHosts } from "../net/own_hosts.ts";
import type { Backend } from "./backend.ts";
import { chooseProbe, type Probe, withProbe } from "./probe.ts";
import { ProbeEnds } from "./verify.ts";
import { FAMILIES, type Rule, type Ruleset } from "./ruleset.ts";
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
 * @throws {RulesError} If the tool or the kernel refuses it; the previous rules are in place then.
 */
export async function putRules(ruleset: Ruleset, backend: Backend, tools: Tools): Promise<void> {
  const before = await backend.read(ruleset.side);
  try {
    for (const command of before.applyCommands(ruleset)) await tools.run(command);
  } catch (error) {
    await backend.restore(ruleset.side, before);
    throw error;
  }
}

/**
 * Tests installed rules with one connection for each version of IP, which must arrive with its original destination.
 * Without a route to a destination, its probe is skipped and nothing changes. The rules stay in place in any case:
 * incomplete rules are safer than none.
 *
 * @param probes Those of {@linkcode probesOf}, or the remaining ones of an earlier trial.
 * @throws {RulesError} If a connection does not arrive.
 */
export async function tryRules(
  ruleset: Ruleset,
  backend: Backend,
  tools: Tools,
  probes: readonly Probe[],
): Promise<TrialResult> {
  using open = new DisposableStack();
  const rules = ruleset.chains.flatMap((chain) => chain.rules);
  const exempt = rules.filter(({ verdict }) => verdict === "return");
  const [routed, unrouted] = partition(probes, ({ to }) => hasRoute(to));
  if (routed.length === 0) return { verified: [], untested: unrouted };
  try {
    const trials = routed.map((probe) => ({ probe, ends: open.use(new ProbeEnds(probe, portOf(probe.rule), exempt)) }));
    const withProbes = trials.reduce(
      (all, { probe, ends }) => withProbe(all, probe, ends.fromPort, ends.toPort),
      ruleset,
    );
    const made: boolean[] = [];
    try {
      await putRules(withProbes, backend, tools);
      for (const { ends } of trials) made.push(await ends.verify());
    } finally {
      await putRules(ruleset, backend, tools);
    }
    const [verified, lost] = partition(routed, (_, at) => made[at]!);
    return { verified, untested: [...unrouted, ...lost] };
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    throw new RulesError(`${error.message}; the rules stay in place`);
  }
}

/**
 * Chooses the connections that test a ruleset: one for each version of IP that it redirects.
 *
 * @param hosts The servers' addresses.
 */
export function probesOf(ruleset: Ruleset, hosts: readonly string[]): Probe[] {
  const own = ownHosts();
  const isLocal = (host: string) => own.includes(host) || host.startsWith("127.");
  return FAMILIES.flatMap((family) => chooseProbe(ruleset, family, hosts, isLocal) ?? []);
}

function partition<T>(items: readonly T[], matches: (item: T, at: number) => boolean): [T[], T[]] {
  return [items.filter(matches), items.filter((item, at) => !matches(item, at))];
}

function portOf({ verdict }: Rule): number {
  return typeof verdict === "string" ? 0 : verdict.redirect;
}

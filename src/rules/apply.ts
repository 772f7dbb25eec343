import { hasRoute } from "../net/linux/owned_socket.ts";
import { ownHosts } from "../net/own_hosts.ts";
import type { Backend } from "./backend.ts";
import { chooseProbe, type Probe, withProbe } from "./probe.ts";
import { ProbeEnds } from "./verify.ts";
import { FAMILIES, type Rule, type Ruleset } from "./ruleset.ts";
import { RulesError, type Tools } from "./tools.ts";

/** Outcome of a trial. */
export interface Tried {
  /** Connections that arrived with their destination. */
  readonly proven: readonly Probe[];
  /** Connections that were not made, because this machine has no route to their destination. */
  readonly unproven: readonly Probe[];
}

/**
 * Puts a ruleset in place of the one that is there: all of it, or nothing.
 *
 * @throws {RulesError} When the tool or the kernel refuses it; the previous rules are in place then.
 */
export async function putRules(ruleset: Ruleset, backend: Backend, tools: Tools): Promise<void> {
  const before = await backend.read(ruleset.side);
  try {
    for (const command of before.applying(ruleset)) await tools.run(command);
  } catch (error) {
    await backend.restore(ruleset.side, before);
    throw error;
  }
}

/**
 * Tries rules that are in place: over each version of IP that they take, a connection has to arrive at the handler's side
 * with its destination. Where there is no route to that destination, nothing is tried and nothing changes. The rules stay
 * in place whatever comes of it: rules that take too little are safer than none.
 *
 * @param probes The connections to make: those of {@linkcode probesOf}, or what is left of them.
 * @throws {RulesError} When a connection does not arrive.
 */
export async function tryRules(
  ruleset: Ruleset,
  backend: Backend,
  tools: Tools,
  probes: readonly Probe[],
): Promise<Tried> {
  using open = new DisposableStack();
  const rules = ruleset.chains.flatMap((chain) => chain.rules);
  const exempt = rules.filter(({ verdict }) => verdict === "return");
  const [routed, unrouted] = partition(probes, ({ to }) => hasRoute(to));
  if (routed.length === 0) return { proven: [], unproven: unrouted };
  try {
    const trials = routed.map((probe) => ({ probe, ends: open.use(new ProbeEnds(probe, portOf(probe.rule), exempt)) }));
    const proving = trials.reduce(
      (all, { probe, ends }) => withProbe(all, probe, ends.fromPort, ends.toPort),
      ruleset,
    );
    const made: boolean[] = [];
    try {
      await putRules(proving, backend, tools);
      for (const { ends } of trials) made.push(await ends.prove());
    } finally {
      await putRules(ruleset, backend, tools);
    }
    const [proven, lost] = partition(routed, (_, at) => made[at]!);
    return { proven, unproven: [...unrouted, ...lost] };
  } catch (error) {
    if (!(error instanceof RulesError)) throw error;
    throw new RulesError(`${error.message}; the rules stay in place`);
  }
}

/**
 * The connections to try a ruleset with: one over each version of IP that it takes.
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

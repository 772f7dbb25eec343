import { ownHosts } from "../client/own_address.ts";
import type { Backend } from "./backend.ts";
import { systemFamilies } from "./families.ts";
import { chooseProbe, type Probe, withProbe } from "./probe.ts";
import { ProbeEnds } from "./prove.ts";
import { FAMILIES, type Rule, type Ruleset } from "./ruleset.ts";
import type { Tools } from "./tools.ts";

/** What became of a ruleset that is in place. */
export interface Applied {
  /** Connections that were taken as they should. */
  readonly proven: readonly Probe[];
  /** Connections that could not be tried, because nothing leads out of this machine over their version of IP. */
  readonly unproven: readonly Probe[];
}

/**
 * Puts a ruleset in place of whatever is there, and proves it: a connection over each version of IP that it takes has to
 * arrive at the handler's side with its destination. Until then nothing is certain, but everything is taken already: to
 * be without a handler for a moment is better than to be in the clear.
 *
 * @param hosts The servers' addresses.
 * @throws {RulesError} When that fails; what was there before is there again.
 */
export async function applyRules(
  ruleset: Ruleset,
  backend: Backend,
  tools: Tools,
  hosts: readonly string[],
): Promise<Applied> {
  using open = new DisposableStack();
  const rules = ruleset.chains.flatMap((chain) => chain.rules);
  const exempt = rules.filter(({ verdict }) => verdict === "return");
  const own = ownHosts();
  const isLocal = (host: string) => own.includes(host) || host.startsWith("127.");
  const chosen = FAMILIES.flatMap((family) => chooseProbe(ruleset, family, hosts, isLocal) ?? []);
  // A version of IP that the machine does not have leads to nobody; to a server's address it has to.
  const absent = chosen.filter(({ family, madeUp }) => madeUp && !systemFamilies().includes(family));
  const probes = chosen.filter((probe) => !absent.includes(probe)).map((probe) => ({
    probe,
    ends: open.use(new ProbeEnds(probe, portOf(probe.rule), exempt)),
  }));
  const proving = probes.reduce(
    (all, { probe, ends }) => withProbe(all, probe, ends.fromPort, ends.toPort),
    ruleset,
  );
  const before = await backend.read(ruleset.side);
  const made: boolean[] = [];
  try {
    await put(proving, backend, tools);
    for (const { ends } of probes) made.push(await ends.prove());
    if (proving !== ruleset) await put(ruleset, backend, tools);
  } catch (error) {
    await backend.restore(ruleset.side, before);
    throw error;
  }
  const those = (whether: boolean) => probes.map(({ probe }) => probe).filter((_, at) => made[at] === whether);
  return { proven: those(true), unproven: [...absent, ...those(false)] };
}

async function put(ruleset: Ruleset, backend: Backend, tools: Tools): Promise<void> {
  for (const command of (await backend.read(ruleset.side)).applying(ruleset)) await tools.run(command);
}

function portOf({ verdict }: Rule): number {
  return typeof verdict === "string" ? 0 : verdict.redirect;
}

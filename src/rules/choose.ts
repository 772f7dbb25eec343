import { type Flavour, FLAVOURS } from "../config/rules.ts";
import type { Backend } from "./backend.ts";
import { NftBackend } from "./nft_backend.ts";
import { systemFamilies } from "./families.ts";
import type { Family, Ruleset, Side } from "./ruleset.ts";
import { type Program, RulesError, type Tools } from "./tools.ts";
import { XtablesBackend } from "./xtables_backend.ts";

const PROGRAM_OF: Readonly<Record<Flavour, Program>> = {
  nft: "nft",
  "iptables-nft": "xtables-nft-multi",
  "iptables-legacy": "xtables-legacy-multi",
};

/**
 * The ways to make rules on this machine.
 *
 * @param families The versions of IP that it has.
 */
export function availableBackends(tools: Tools, families: readonly Family[] = systemFamilies()): Backend[] {
  return FLAVOURS.filter((flavour) => tools.has(PROGRAM_OF[flavour])).map((flavour) =>
    flavour === "nft" ? new NftBackend(tools) : new XtablesBackend(flavour, tools, families)
  );
}

/**
 * Chooses how to make rules: the way that was named; else where ours are in place already; else nftables if the machine
 * takes the rules so; else the flavour of iptables that has rules, or the first that works.
 *
 * @throws {RulesError} When none works, or ours are in place in another way than the one named: two sets would follow.
 */
export async function chooseBackend(
  backends: readonly Backend[],
  flavour: Flavour | "auto",
  ruleset: Ruleset,
): Promise<Backend> {
  if (backends.length === 0) throw new RulesError("neither nft nor iptables is here; install nftables or iptables");
  const named = backends.filter((backend) => flavour === "auto" || backend.flavour === flavour);
  if (named.length === 0) throw new RulesError(`no ${flavour} here; install it, or leave --flavour out`);
  const holder = await holderOf(backends, ruleset.side);
  if (holder !== undefined && !named.includes(holder)) {
    const one = `micss rules remove --flavour ${holder.flavour}`;
    throw new RulesError(`rules are in place by ${holder.flavour} already; run ${one} first`);
  }
  if (holder !== undefined) return holder;
  const failures: unknown[] = [];
  for (const backend of await inOrder(named)) {
    try {
      await backend.check(ruleset);
      return backend;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

/** Which of them has ours in place. One that can't tell has none that this machine could act on. */
async function holderOf(backends: readonly Backend[], side: Side): Promise<Backend | undefined> {
  for (const backend of backends) {
    if (await backend.read(side).then(({ present }) => present, () => false)) return backend;
  }
  return undefined;
}

async function inOrder(backends: readonly Backend[]): Promise<Backend[]> {
  const ranks = await Promise.all(backends.map(async (backend) => {
    if (backend.flavour === "nft") return 0;
    return await backend.inUse().catch(() => false) ? 1 : 2;
  }));
  return backends.map((backend, at) => ({ backend, rank: ranks[at]! })).sort((a, b) => a.rank - b.rank)
    .map(({ backend }) => backend);
}

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
 * Lists the backends whose program is installed.
 *
 * @param families The versions of IP that this machine has.
 */
export function availableBackends(tools: Tools, families: readonly Family[] = systemFamilies()): Backend[] {
  return FLAVOURS.filter((flavour) => tools.has(PROGRAM_OF[flavour])).map((flavour) =>
    flavour === "nft" ? new NftBackend(tools) : new XtablesBackend(flavour, tools, families)
  );
}

/**
 * Chooses a backend: the requested one; otherwise the one that already has rules of ours; otherwise nftables if it works;
 * otherwise the flavour of iptables that has rules, or the first that works.
 *
 * @throws {RulesError} If none works, or rules of ours are in place with another flavour than the requested one.
 */
export async function chooseBackend(
  backends: readonly Backend[],
  flavour: Flavour | "auto",
  ruleset: Ruleset,
): Promise<Backend> {
  if (backends.length === 0) throw new RulesError("neither nft nor iptables found; install nftables or iptables");
  const named = backends.filter((backend) => flavour === "auto" || backend.flavour === flavour);
  if (named.length === 0) throw new RulesError(`${flavour} not found; install it or omit --flavour`);
  const holder = await backendInUse(backends, ruleset.side);
  if (holder !== undefined && !named.includes(holder)) {
    const remove = `micss rules remove --flavour ${holder.flavour}`;
    throw new RulesError(`rules are already in place with ${holder.flavour}; run ${remove} first`);
  }
  if (holder !== undefined) return holder;
  const failures: unknown[] = [];
  for (const backend of await byPreference(named)) {
    try {
      await backend.check(ruleset);
      return backend;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

/** The backend that has rules of ours. One that can't be read has none that the kernel would act on. */
async function backendInUse(backends: readonly Backend[], side: Side): Promise<Backend | undefined> {
  for (const backend of backends) {
    if (await backend.read(side).then(({ present }) => present, () => false)) return backend;
  }
  return undefined;
}

async function byPreference(backends: readonly Backend[]): Promise<Backend[]> {
  const ranks = await Promise.all(backends.map(async (backend) => {
    if (backend.flavour === "nft") return 0;
    return await backend.inUse().catch(() => false) ? 1 : 2;
  }));
  return backends.map((backend, at) => ({ backend, rank: ranks[at]! })).sort((a, b) => a.rank - b.rank)
    .map(({ backend }) => backend);
}

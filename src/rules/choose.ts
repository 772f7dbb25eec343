import { type Flavour, FLAVOURS } from "../config/rules.ts";
import type { Backend, InstalledRules } from "./backend.ts";
import { NftBackend } from "./nft_backend.ts";
import { systemFamilies } from "./families.ts";
import type { Family, Ruleset } from "./ruleset.ts";
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

/** A chosen backend. */
export interface Choice {
  /** The backend. */
  readonly backend: Backend;
  /** Its rules of the ruleset's side, as they were when it was chosen; undefined if they can't be read. */
  readonly rules: InstalledRules | undefined;
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
): Promise<Choice> {
  if (backends.length === 0) throw new RulesError("neither nft nor iptables found; install nftables or iptables");
  const named = backends.filter((backend) => flavour === "auto" || backend.flavour === flavour);
  if (named.length === 0) throw new RulesError(`${flavour} not found; install it or omit --flavour`);
  const choices: Choice[] = [];
  for (const backend of backends) {
    // One that can't be read has no rules that the kernel would act on.
    const rules = await backend.read(ruleset.side).catch(() => undefined), choice = { backend, rules };
    if (named.includes(backend)) choices.push(choice);
    if (!rules?.present) continue;
    if (named.includes(backend)) return choice;
    const { flavour } = backend, remove = `micss rules remove --flavour ${flavour}`;
    throw new RulesError(`rules are already in place with ${flavour}; run ${remove} first`);
  }
  const failures: unknown[] = [];
  for (const choice of choices.toSorted((a, b) => rank(a) - rank(b))) {
    try {
      await choice.backend.check(ruleset);
      return choice;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

/** The preferred backends have the lowest rank. */
function rank({ backend, rules }: Choice): number {
  if (backend.flavour === "nft") return 0;
  return rules?.inUse ? 1 : 2;
}

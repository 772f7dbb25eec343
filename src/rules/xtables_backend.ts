import type { Backend, InstalledRules } from "./backend.ts";
import { FAMILIES, type Family, type Ruleset, type Side } from "./ruleset.ts";
import type { Command, Program, Tools } from "./tools.ts";
import { xtablesRemoval, xtablesRestoration, xtablesScript } from "./xtables.ts";
import { XTABLES_CHAINS } from "./xtables_chains.ts";
import { formatXtables, isPresent, readXtables, type XtablesState } from "./xtables_state.ts";

const COMMANDS: Readonly<Record<Family, string>> = { ipv4: "iptables", ipv6: "ip6tables" };
/** nftables' families of the tables of iptables-nft. */
const NFT_FAMILIES: Readonly<Record<Family, string>> = { ipv4: "ip", ipv6: "ip6" };
/** Maximum wait while another program changes rules, in seconds. */
const WAIT = "5";

/** The state of one version of IP. */
interface FamilyState extends XtablesState {
  /** Things that the tool will create along with our chains: "table", or names of built-in chains. */
  readonly missing: readonly string[];
}

type States = Readonly<Partial<Record<Family, FamilyState>>>;

/** Makes rules with either flavour of iptables, in chains of our own, to which one rule of each built-in chain jumps. */
export class XtablesBackend implements Backend {
  readonly flavour: "iptables-nft" | "iptables-legacy";
  readonly empty: InstalledRules;
  readonly #tools: Tools;
  readonly #families: readonly Family[];

  /**
   * Runs nothing yet.
   *
   * @param families The versions of IP that this machine has.
   */
  constructor(flavour: "iptables-nft" | "iptables-legacy", tools: Tools, families: readonly Family[] = FAMILIES) {
    this.flavour = flavour;
    this.#tools = tools;
    this.#families = families;
    const states = families.map((family) => [family, { ...readXtables("client", ""), missing: [] }]);
    this.empty = new InstalledXtables("client", this.#program, Object.fromEntries(states));
  }

  get #program(): Program {
    return this.flavour === "iptables-nft" ? "xtables-nft-multi" : "xtables-legacy-multi";
  }

  async read(side: Side): Promise<InstalledXtables> {
    const states = this.#families.map(async (family) => {
      const state = readXtables(side, await this.#save(family));
      return [family, { ...state, missing: await this.#missing(side, family, state) }];
    });
    return new InstalledXtables(side, this.#program, Object.fromEntries(await Promise.all(states)));
  }

  async check(ruleset: Ruleset): Promise<void> {
    for (const { args, ...command } of this.empty.applyCommands(ruleset)) {
      await this.#tools.run({ ...command, args: [...args, "--test"] });
    }
  }

  async inUse(): Promise<boolean> {
    const saved = await Promise.all(this.#families.map((family) => this.#save(family)));
    return saved.some((text) => /^-A /m.test(text));
  }

  async restore(side: Side, before: InstalledRules): Promise<void> {
    if (!before.present || !(before instanceof InstalledXtables)) return await this.remove(side);
    const now = await this.read(side);
    for (const family of this.#families) {
      const input = xtablesRestoration(side, before.states[family]!, now.states[family]!);
      if (input !== undefined) await this.#tools.run(restoreCommand(this.#program, family, input));
      const created = now.states[family]!.created.filter((word) => !before.states[family]!.created.includes(word));
      await this.#removeCreated(side, family, created);
    }
  }

  async remove(side: Side): Promise<void> {
    const before = await this.read(side);
    for (const command of before.removeCommands()) await this.#tools.run(command);
    for (const family of this.#families) await this.#removeCreated(side, family, before.states[family]!.created);
  }

  #save(family: Family): Promise<string> {
    return this.#tools.run({ program: this.#program, args: [`${COMMANDS[family]}-save`] });
  }

  /** Things that iptables-nft will create. The legacy kernel's tables are always complete and can't be removed. */
  async #missing(side: Side, family: Family, { table }: XtablesState): Promise<string[]> {
    if (this.flavour === "iptables-legacy") return [];
    const { table: name, chains } = XTABLES_CHAINS[side];
    if (!table) return ["table", ...Object.keys(chains)];
    const listed = await this.#list(family, name);
    if (listed === undefined) return [];
    return Object.keys(chains).filter((base) => !listed.includes(`\tchain ${base} {`));
  }

  /** A table as listed by nft; undefined if that fails. */
  async #list(family: Family, table: string): Promise<string | undefined> {
    if (!this.#tools.has("nft")) return undefined;
    const args = ["list", "table", NFT_FAMILIES[family], table];
    return await this.#tools.run({ program: "nft", args }).catch(() => undefined);
  }

  /** Removes a table and chains created with ours, as far as they are empty; those left behind do no harm. */
  async #removeCreated(side: Side, family: Family, created: readonly string[]): Promise<void> {
    const { table } = XTABLES_CHAINS[side];
    for (const base of created.filter((word) => word !== "table")) {
      // The kernel refuses to remove a chain that has rules.
      const input = `*${table}\n-X ${base}\nCOMMIT\n`;
      await this.#tools.run(restoreCommand(this.#program, family, input)).catch(() => {});
    }
    if (!created.includes("table")) return;
    const listed = await this.#list(family, table);
    const empty = listed?.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length === 2;
    const args = ["delete", "table", NFT_FAMILIES[family], table];
    if (empty) await this.#tools.run({ program: "nft", args });
  }
}

class InstalledXtables implements InstalledRules {
  readonly states: States;
  readonly #side: Side;
  readonly #program: Program;

  constructor(side: Side, program: Program, states: States) {
    this.#side = side;
    this.#program = program;
    this.states = states;
  }

  get present(): boolean {
    return Object.values(this.states).some(isPresent);
  }

  get text(): string {
    return FAMILIES.flatMap((family) => this.states[family] ?? []).map(formatXtables).join("\n");
  }

  applyCommands(ruleset: Ruleset): Command[] {
    return this.#each((family, state) => xtablesScript(ruleset, family, state, state.missing));
  }

  removeCommands(): Command[] {
    return this.#each((_, state) => xtablesRemoval(this.#side, state));
  }

  #each(write: (family: Family, state: FamilyState) => string | undefined): Command[] {
    return FAMILIES.flatMap((family) => {
      const state = this.states[family];
      const input = state && write(family, state);
      return input === undefined ? [] : [restoreCommand(this.#program, family, input)];
    });
  }
}

function restoreCommand(program: Program, family: Family, input: string): Command {
  return { program, args: [`${COMMANDS[family]}-restore`, "--wait", WAIT, "--noflush"], input };
}

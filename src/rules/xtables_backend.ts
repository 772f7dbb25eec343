import type { Backend, InstalledRules } from "./backend.ts";
import { FAMILIES, type Family, type Ruleset, type Side } from "./ruleset.ts";
import type { Command, Program, Tools } from "./tools.ts";
import { xtablesRemoval, xtablesRestoration, xtablesScript } from "./xtables.ts";
import { XTABLES_CHAINS, XTABLES_TABLES, type XtablesTable } from "./xtables_chains.ts";
import { formatXtables, isPresent, readXtables, type XtablesState } from "./xtables_state.ts";

const COMMANDS: Readonly<Record<Family, string>> = { ipv4: "iptables", ipv6: "ip6tables" };
/** nftables' families of the tables of iptables-nft. */
const NFT_FAMILIES: Readonly<Record<Family, string>> = { ipv4: "ip", ipv6: "ip6" };
/** Maximum wait while another program changes rules, in seconds. */
const WAIT = "5";

/** The state of one table of one version of IP. */
interface TableState extends XtablesState {
  /** Version of IP. */
  readonly family: Family;
  /** Table. */
  readonly name: XtablesTable;
  /** Things that the tool will create along with our chains: "table", or names of built-in chains. */
  readonly missing: readonly string[];
}

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
    const states = families.flatMap((family) =>
      XTABLES_TABLES.client.map((name) => ({ ...readXtables(name, ""), family, name, missing: [] }))
    );
    this.empty = new InstalledXtables(this.#program, states);
  }

  get #program(): Program {
    return this.flavour === "iptables-nft" ? "xtables-nft-multi" : "xtables-legacy-multi";
  }

  async read(side: Side): Promise<InstalledXtables> {
    const states = this.#families.map(async (family) => {
      const saved = await this.#save(family);
      return await Promise.all(XTABLES_TABLES[side].map(async (name) => {
        const state = readXtables(name, saved);
        return { ...state, family, name, missing: await this.#missing(family, name, state) };
      }));
    });
    return new InstalledXtables(this.#program, (await Promise.all(states)).flat());
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
    for (const [at, state] of now.states.entries()) {
      const { family, name } = state, earlier = before.states[at]!;
      const input = xtablesRestoration(name, earlier, state);
      if (input !== undefined) await this.#tools.run(restoreCommand(this.#program, family, input));
      await this.#removeCreated(family, name, state.created.filter((word) => !earlier.created.includes(word)));
    }
  }

  async tidy(side: Side, before: InstalledRules): Promise<void> {
    if (!(before instanceof InstalledXtables) || before.states.every(({ created }) => created.length === 0)) return;
    const now = await this.read(side);
    for (const [at, { family, name, created }] of before.states.entries()) {
      if (!isPresent(now.states[at]!)) await this.#removeCreated(family, name, created);
    }
  }

  async remove(side: Side): Promise<void> {
    const before = await this.read(side);
    for (const command of before.removeCommands()) await this.#tools.run(command);
    for (const { family, name, created } of before.states) await this.#removeCreated(family, name, created);
  }

  #save(family: Family): Promise<string> {
    return this.#tools.run({ program: this.#program, args: [`${COMMANDS[family]}-save`] });
  }

  /** Things that iptables-nft will create. The legacy kernel's tables are always complete and can't be removed. */
  async #missing(family: Family, name: XtablesTable, { table, jumps }: XtablesState): Promise<string[]> {
    const { chains } = XTABLES_CHAINS[name];
    if (this.flavour === "iptables-legacy" || Object.keys(chains).every((base) => jumps.has(base))) return [];
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
  async #removeCreated(family: Family, table: XtablesTable, created: readonly string[]): Promise<void> {
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
  /** By version of IP, and then by table. */
  readonly states: readonly TableState[];
  readonly #program: Program;

  constructor(program: Program, states: readonly TableState[]) {
    this.#program = program;
    this.states = states;
  }

  get present(): boolean {
    return this.states.some(isPresent);
  }

  get text(): string {
    return this.states.map(formatXtables).join("\n");
  }

  applyCommands(ruleset: Ruleset): Command[] {
    return this.#each((state) => xtablesScript(ruleset, state.name, state.family, state, state.missing));
  }

  removeCommands(): Command[] {
    return this.#each((state) => xtablesRemoval(state.name, state));
  }

  /** Commands that are one for each version of IP. */
  #each(write: (state: TableState) => string | undefined): Command[] {
    return FAMILIES.flatMap((family) => {
      const states = this.states.filter((state) => state.family === family);
      const input = states.flatMap((state) => write(state) ?? []).join("");
      return input === "" ? [] : [restoreCommand(this.#program, family, input)];
    });
  }
}

function restoreCommand(program: Program, family: Family, input: string): Command {
  return { program, args: [`${COMMANDS[family]}-restore`, "--wait", WAIT, "--noflush"], input };
}

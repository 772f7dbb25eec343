import type { Backend, InstalledRules } from "./backend.ts";
import { FAMILIES, type Family, type Ruleset, type Side } from "./ruleset.ts";
import type { Command, Program, Tools } from "./tools.ts";
import { basesOf, xtablesRemoval, xtablesRestoration, xtablesScript } from "./xtables.ts";
import { XTABLES_TABLES, type XtablesTable } from "./xtables_chains.ts";
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
}

/**
 * Things that the tool will create along with our chains: "table", or names of built-in chains.
 *
 * @param bases Built-in chains that are to jump to ours.
 */
type Missing = (state: TableState, bases: readonly string[]) => Promise<string[]>;

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
      XTABLES_TABLES.client.map((name) => ({ ...readXtables(name, ""), family, name }))
    );
    this.empty = new InstalledXtables(this.#program, states, false, () => Promise.resolve([]));
  }

  get #program(): Program {
    return this.flavour === "iptables-nft" ? "xtables-nft-multi" : "xtables-legacy-multi";
  }

  async read(side: Side): Promise<InstalledXtables> {
    return this.#installed(side, await this.#saveAll());
  }

  async readAll(): Promise<Readonly<Record<Side, InstalledXtables>>> {
    const saved = await this.#saveAll(), of = (side: Side) => this.#installed(side, saved);
    return { client: of("client"), server: of("server") };
  }

  /** The output of `iptables-save` for each version of IP. */
  async #saveAll(): Promise<string[]> {
    return await Promise.all(this.#families.map((family) => {
      return this.#tools.run({ program: this.#program, args: [`${COMMANDS[family]}-save`] });
    }));
  }

  #installed(side: Side, saved: readonly string[]): InstalledXtables {
    const states = this.#families.flatMap((family, at) =>
      XTABLES_TABLES[side].map((name) => ({ ...readXtables(name, saved[at]!), family, name }))
    );
    const inUse = saved.some((text) => /^-A /m.test(text));
    return new InstalledXtables(this.#program, states, inUse, (state, bases) => this.#missing(state, bases));
  }

  async check(ruleset: Ruleset): Promise<void> {
    for (const { args, ...command } of await this.empty.applyCommands(ruleset)) {
      await this.#tools.run({ ...command, args: [...args, "--test"] });
    }
  }

  async replace(ruleset: Ruleset): Promise<void> {
    // Another program may have removed a jump since, or put a rule before it.
    for (const command of await (await this.read(ruleset.side)).applyCommands(ruleset)) await this.#tools.run(command);
  }

  async restore(side: Side, before: InstalledRules): Promise<void> {
    const now = await this.read(side);
    if (!before.present || !(before instanceof InstalledXtables)) return await this.remove(side, now);
    for (const [at, state] of now.states.entries()) {
      const { family, name } = state, earlier = before.states[at]!;
      const input = xtablesRestoration(name, earlier, state);
      if (input !== undefined) await this.#tools.run(restoreCommand(this.#program, family, input));
      await this.#removeCreated(family, name, state.created.filter((word) => !earlier.created.includes(word)));
    }
  }

  async tidy(ruleset: Ruleset, before: InstalledRules): Promise<void> {
    if (!(before instanceof InstalledXtables)) return;
    for (const { family, name, created } of before.states) {
      if (basesOf(ruleset, name, family).length === 0) await this.#removeCreated(family, name, created);
    }
  }

  async remove(_side: Side, before: InstalledRules): Promise<void> {
    for (const command of before.removeCommands()) await this.#tools.run(command);
    if (!(before instanceof InstalledXtables)) return;
    for (const { family, name, created } of before.states) await this.#removeCreated(family, name, created);
  }

  /** Things that iptables-nft will create. The legacy kernel's tables are always complete and can't be removed. */
  async #missing({ family, name, table, jumps }: TableState, bases: readonly string[]): Promise<string[]> {
    if (this.flavour === "iptables-legacy" || bases.every((base) => jumps.has(base))) return [];
    if (!table) return ["table", ...bases];
    const listed = await this.#list(family, name);
    return listed === undefined ? [] : bases.filter((base) => !listed.includes(`\tchain ${base} {`));
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
  readonly inUse: boolean;
  readonly #program: Program;
  readonly #missing: Missing;

  constructor(program: Program, states: readonly TableState[], inUse: boolean, missing: Missing) {
    this.#program = program;
    this.states = states;
    this.inUse = inUse;
    this.#missing = missing;
  }

  get present(): boolean {
    return this.states.some(isPresent);
  }

  get text(): string {
    return this.states.map(formatXtables).join("\n");
  }

  async applyCommands(ruleset: Ruleset): Promise<Command[]> {
    const scripts = await Promise.all(this.states.map(async (state) => {
      const { name, family } = state, missing = await this.#missing(state, basesOf(ruleset, name, family));
      return xtablesScript(ruleset, name, family, state, missing);
    }));
    return this.#each((_state, at) => scripts[at]);
  }

  removeCommands(): Command[] {
    return this.#each((state) => xtablesRemoval(state.name, state));
  }

  /** Commands that are one for each version of IP. */
  #each(write: (state: TableState, at: number) => string | undefined): Command[] {
    const scripts = this.states.map((state, at) => ({ family: state.family, script: write(state, at) ?? "" }));
    return FAMILIES.flatMap((family) => {
      const input = scripts.filter((one) => one.family === family).map(({ script }) => script).join("");
      return input === "" ? [] : [restoreCommand(this.#program, family, input)];
    });
  }
}

function restoreCommand(program: Program, family: Family, input: string): Command {
  return { program, args: [`${COMMANDS[family]}-restore`, "--wait", WAIT, "--noflush"], input };
}

import type { Backend, Present } from "./backend.ts";
import { FAMILIES, type Family, type Ruleset, type Side } from "./ruleset.ts";
import type { Command, Program, Tools } from "./tools.ts";
import { xtablesRemoval, xtablesRestoration, xtablesScript } from "./xtables.ts";
import { XTABLES_PLACES } from "./xtables_places.ts";
import { formatXtables, isPresent, readXtables, type XtablesState } from "./xtables_state.ts";

const COMMANDS: Readonly<Record<Family, string>> = { ipv4: "iptables", ipv6: "ip6tables" };
/** What iptables-nft's tables are in, to nftables. */
const NFT_FAMILIES: Readonly<Record<Family, string>> = { ipv4: "ip", ipv6: "ip6" };
/** How long to wait, in seconds, while another program changes rules. */
const WAIT = "5";

/** What one version of IP has. */
interface FamilyState extends XtablesState {
  /** What beside our chains would come to be with them: "table", or names of its chains. */
  readonly missing: readonly string[];
}

type States = Readonly<Partial<Record<Family, FamilyState>>>;

/** iptables and ip6tables, of either flavour: chains of our own, to which one rule of each chain that matters jumps. */
export class XtablesBackend implements Backend {
  readonly flavour: "iptables-nft" | "iptables-legacy";
  readonly blank: Present;
  readonly #tools: Tools;
  readonly #families: readonly Family[];

  /**
   * Changes nothing by itself.
   *
   * @param families The versions of IP that this machine has.
   */
  constructor(flavour: "iptables-nft" | "iptables-legacy", tools: Tools, families: readonly Family[] = FAMILIES) {
    this.flavour = flavour;
    this.#tools = tools;
    this.#families = families;
    const states = families.map((family) => [family, { ...readXtables("client", ""), missing: [] }]);
    this.blank = new XtablesPresent("client", this.#program, Object.fromEntries(states));
  }

  get #program(): Program {
    return this.flavour === "iptables-nft" ? "xtables-nft-multi" : "xtables-legacy-multi";
  }

  async read(side: Side): Promise<Present> {
    return await this.#read(side);
  }

  async #read(side: Side): Promise<XtablesPresent> {
    const states = this.#families.map(async (family) => {
      const state = readXtables(side, await this.#save(family));
      return [family, { ...state, missing: await this.#missing(side, family, state) }];
    });
    return new XtablesPresent(side, this.#program, Object.fromEntries(await Promise.all(states)));
  }

  async check(ruleset: Ruleset): Promise<void> {
    const { blank } = this;
    for (const { args, ...command } of blank.applying(ruleset)) {
      await this.#tools.run({ ...command, args: [...args, "--test"] });
    }
  }

  async inUse(): Promise<boolean> {
    const saved = await Promise.all(this.#families.map((family) => this.#save(family)));
    return saved.some((text) => /^-A /m.test(text));
  }

  async restore(side: Side, before: Present): Promise<void> {
    if (!before.present || !(before instanceof XtablesPresent)) return await this.remove(side);
    const now = await this.#read(side);
    for (const family of this.#families) {
      const input = xtablesRestoration(side, before.states[family]!, now.states[family]!);
      if (input !== undefined) await this.#tools.run(restoring(this.#program, family, input));
      const made = now.states[family]!.made.filter((word) => !before.states[family]!.made.includes(word));
      await this.#tidy(side, family, made);
    }
  }

  async remove(side: Side): Promise<void> {
    const before = await this.#read(side);
    for (const command of before.removing()) await this.#tools.run(command);
    for (const family of this.#families) await this.#tidy(side, family, before.states[family]!.made);
  }

  #save(family: Family): Promise<string> {
    return this.#tools.run({ program: this.#program, args: [`${COMMANDS[family]}-save`] });
  }

  /** What iptables-nft will make as it goes. The legacy kernel has whole tables, which nobody can take away. */
  async #missing(side: Side, family: Family, { table }: XtablesState): Promise<string[]> {
    if (this.flavour === "iptables-legacy") return [];
    const { table: name, chains } = XTABLES_PLACES[side];
    if (!table) return ["table", ...Object.keys(chains)];
    const listed = await this.#list(family, name);
    if (listed === undefined) return [];
    return Object.keys(chains).filter((base) => !listed.includes(`\tchain ${base} {`));
  }

  /** A table as nftables sees it; undefined when nobody can tell. */
  async #list(family: Family, table: string): Promise<string | undefined> {
    if (!this.#tools.has("nft")) return undefined;
    const args = ["list", "table", NFT_FAMILIES[family], table];
    return await this.#tools.run({ program: "nft", args }).catch(() => undefined);
  }

  /** Removes what came to be with our chains, if nobody has put anything there. That it stays harms nobody. */
  async #tidy(side: Side, family: Family, made: readonly string[]): Promise<void> {
    const { table } = XTABLES_PLACES[side];
    for (const base of made.filter((word) => word !== "table")) {
      // The kernel removes no chain that has rules.
      const input = `*${table}\n-X ${base}\nCOMMIT\n`;
      await this.#tools.run(restoring(this.#program, family, input)).catch(() => {});
    }
    if (!made.includes("table")) return;
    const listed = await this.#list(family, table);
    const empty = listed?.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length === 2;
    const args = ["delete", "table", NFT_FAMILIES[family], table];
    if (empty) await this.#tools.run({ program: "nft", args });
  }
}

class XtablesPresent implements Present {
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

  applying(ruleset: Ruleset): Command[] {
    return this.#each((family, state) => xtablesScript(ruleset, family, state, state.missing));
  }

  removing(): Command[] {
    return this.#each((_, state) => xtablesRemoval(this.#side, state));
  }

  #each(write: (family: Family, state: FamilyState) => string | undefined): Command[] {
    return FAMILIES.flatMap((family) => {
      const state = this.states[family];
      const input = state && write(family, state);
      return input === undefined ? [] : [restoring(this.#program, family, input)];
    });
  }
}

function restoring(program: Program, family: Family, input: string): Command {
  return { program, args: [`${COMMANDS[family]}-restore`, "--wait", WAIT, "--noflush"], input };
}

import type { Backend, InstalledRules } from "./backend.ts";
import { NFT_TABLES, nftRemoval, nftRestoration, nftScript } from "./nft.ts";
import type { Ruleset, Side } from "./ruleset.ts";
import type { Command, Tools } from "./tools.ts";

/** Makes rules with nftables, in a table of our own. */
export class NftBackend implements Backend {
  readonly flavour = "nft";
  readonly empty: InstalledRules = new InstalledNft("client", false);
  readonly #tools: Tools;

  /** Runs nothing yet. */
  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async read(side: Side): Promise<InstalledNft> {
    return await this.#read(side, await this.#tables());
  }

  async readAll(): Promise<Readonly<Record<Side, InstalledNft>>> {
    const tables = await this.#tables();
    return { client: await this.#read("client", tables), server: await this.#read("server", tables) };
  }

  /** The lines of all programs' tables. */
  async #tables(): Promise<string[]> {
    const tables = await this.#tools.run({ program: "nft", args: ["list", "tables"] });
    return tables.split("\n").filter((line) => line !== "");
  }

  async #read(side: Side, tables: readonly string[]): Promise<InstalledNft> {
    const table = NFT_TABLES[side], inUse = tables.length > 0;
    if (!tables.includes(`table inet ${table}`)) return new InstalledNft(side, inUse);
    const listed = await this.#tools.run({ program: "nft", args: ["--numeric", "list", "table", "inet", table] });
    return new InstalledNft(side, inUse, listed);
  }

  async check(ruleset: Ruleset): Promise<void> {
    await this.#tools.run({ program: "nft", args: ["--check", "-f", "-"], input: nftScript(ruleset) });
  }

  /** Whatever they are: the table is replaced as a whole. */
  async replace(ruleset: Ruleset): Promise<void> {
    await this.#tools.run(nftCommand(nftScript(ruleset)));
  }

  async restore(side: Side, before: InstalledRules): Promise<void> {
    const listed = before instanceof InstalledNft ? before.listed : undefined;
    if (listed === undefined) return await this.remove(side, await this.read(side));
    await this.#tools.run(nftCommand(nftRestoration(side, listed)));
  }

  /** Nothing: the table is replaced as a whole. */
  tidy(): Promise<void> {
    return Promise.resolve();
  }

  async remove(_side: Side, before: InstalledRules): Promise<void> {
    for (const command of before.removeCommands()) await this.#tools.run(command);
  }
}

class InstalledNft implements InstalledRules {
  /** Output of `nft list table`; undefined if the table does not exist. */
  readonly listed: string | undefined;
  readonly inUse: boolean;
  readonly #side: Side;

  constructor(side: Side, inUse: boolean, listed?: string) {
    this.#side = side;
    this.inUse = inUse;
    this.listed = listed;
  }

  get present(): boolean {
    return this.listed !== undefined;
  }

  get text(): string {
    return this.listed ?? "";
  }

  applyCommands(ruleset: Ruleset): Promise<Command[]> {
    return Promise.resolve([nftCommand(nftScript(ruleset))]);
  }

  removeCommands(): Command[] {
    return this.present ? [nftCommand(nftRemoval(this.#side))] : [];
  }
}

function nftCommand(input: string): Command {
  return { program: "nft", args: ["-f", "-"], input };
}

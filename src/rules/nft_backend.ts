import type { Backend, InstalledRules } from "./backend.ts";
import { NFT_TABLES, nftRemoval, nftRestoration, nftScript } from "./nft.ts";
import type { Ruleset, Side } from "./ruleset.ts";
import type { Command, Tools } from "./tools.ts";

/** Makes rules with nftables, in a table of our own. */
export class NftBackend implements Backend {
  readonly flavour = "nft";
  readonly empty: InstalledRules = new InstalledNft("client");
  readonly #tools: Tools;

  /** Runs nothing yet. */
  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async read(side: Side): Promise<InstalledNft> {
    const tables = await this.#tools.run({ program: "nft", args: ["list", "tables"] });
    const table = NFT_TABLES[side];
    if (!tables.split("\n").includes(`table inet ${table}`)) return new InstalledNft(side);
    const listed = await this.#tools.run({ program: "nft", args: ["--numeric", "list", "table", "inet", table] });
    return new InstalledNft(side, listed);
  }

  async check(ruleset: Ruleset): Promise<void> {
    await this.#tools.run({ program: "nft", args: ["--check", "-f", "-"], input: nftScript(ruleset) });
  }

  async inUse(): Promise<boolean> {
    return (await this.#tools.run({ program: "nft", args: ["list", "tables"] })).trim() !== "";
  }

  async restore(side: Side, before: InstalledRules): Promise<void> {
    const listed = before instanceof InstalledNft ? before.listed : undefined;
    if (listed === undefined) return await this.remove(side);
    await this.#tools.run(nftCommand(nftRestoration(side, listed)));
  }

  /** Nothing: the table is replaced as a whole. */
  tidy(): Promise<void> {
    return Promise.resolve();
  }

  async remove(side: Side): Promise<void> {
    for (const command of (await this.read(side)).removeCommands()) await this.#tools.run(command);
  }
}

class InstalledNft implements InstalledRules {
  /** Output of `nft list table`; undefined if the table does not exist. */
  readonly listed: string | undefined;
  readonly #side: Side;

  constructor(side: Side, listed?: string) {
    this.#side = side;
    this.listed = listed;
  }

  get present(): boolean {
    return this.listed !== undefined;
  }

  get text(): string {
    return this.listed ?? "";
  }

  applyCommands(ruleset: Ruleset): Command[] {
    return [nftCommand(nftScript(ruleset))];
  }

  removeCommands(): Command[] {
    return this.present ? [nftCommand(nftRemoval(this.#side))] : [];
  }
}

function nftCommand(input: string): Command {
  return { program: "nft", args: ["-f", "-"], input };
}

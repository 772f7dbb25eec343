import type { Backend, Present } from "./backend.ts";
import { NFT_TABLES, nftRemoval, nftRestoration, nftScript } from "./nft.ts";
import type { Ruleset, Side } from "./ruleset.ts";
import type { Command, Tools } from "./tools.ts";

/** nftables: a table of our own, which comes and goes as one. */
export class NftBackend implements Backend {
  readonly flavour = "nft";
  readonly blank: Present = new NftPresent("client");
  readonly #tools: Tools;

  /** Changes nothing by itself. */
  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async read(side: Side): Promise<Present> {
    return await this.#read(side);
  }

  async #read(side: Side): Promise<NftPresent> {
    const tables = await this.#tools.run({ program: "nft", args: ["list", "tables"] });
    const table = NFT_TABLES[side];
    if (!tables.split("\n").includes(`table inet ${table}`)) return new NftPresent(side);
    const listed = await this.#tools.run({ program: "nft", args: ["--numeric", "list", "table", "inet", table] });
    return new NftPresent(side, listed);
  }

  async check(ruleset: Ruleset): Promise<void> {
    await this.#tools.run({ program: "nft", args: ["--check", "-f", "-"], input: nftScript(ruleset) });
  }

  async inUse(): Promise<boolean> {
    return (await this.#tools.run({ program: "nft", args: ["list", "tables"] })).trim() !== "";
  }

  async restore(side: Side, before: Present): Promise<void> {
    const listed = before instanceof NftPresent ? before.listed : undefined;
    if (listed === undefined) return await this.remove(side);
    await this.#tools.run(fed(nftRestoration(side, listed)));
  }

  async remove(side: Side): Promise<void> {
    for (const command of (await this.read(side)).removing()) await this.#tools.run(command);
  }
}

class NftPresent implements Present {
  /** What `nft list table` shows; undefined when the table is not there. */
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

  applying(ruleset: Ruleset): Command[] {
    return [fed(nftScript(ruleset))];
  }

  removing(): Command[] {
    return this.present ? [fed(nftRemoval(this.#side))] : [];
  }
}

function fed(input: string): Command {
  return { program: "nft", args: ["-f", "-"], input };
}

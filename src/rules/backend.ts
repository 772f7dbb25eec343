import type { Flavour } from "../config/rules.ts";
import type { Ruleset, Side } from "./ruleset.ts";
import type { Command } from "./tools.ts";

/** A snapshot of one side's installed rules, and the commands that change them. */
export interface InstalledRules {
  /** True if any rule of ours is installed. */
  readonly present: boolean;
  /** The rules in the tool's notation: equal texts are equal rules. */
  readonly text: string;
  /** Commands that replace them with a ruleset, atomically for each version of IP; none if nothing changes. */
  applyCommands(ruleset: Ruleset): Command[];
  /** Commands that remove them. */
  removeCommands(): Command[];
}

/** A tool that makes rules. */
export interface Backend {
  /** Its name in the configuration. */
  readonly flavour: Flavour;
  /** A snapshot without rules, for when the machine's can't be read. */
  readonly empty: InstalledRules;
  /**
   * Reads the installed rules.
   *
   * @throws {RulesError} If they can't be read.
   */
  read(side: Side): Promise<InstalledRules>;
  /**
   * Checks that the machine would accept a ruleset, without installing it.
   *
   * @throws {RulesError} If it would not.
   */
  check(ruleset: Ruleset): Promise<void>;
  /** True if any program's rules are made with this tool here. */
  inUse(): Promise<boolean>;
  /**
   * Restores the rules of a snapshot.
   *
   * @throws {RulesError} If that fails.
   */
  restore(side: Side, before: InstalledRules): Promise<void>;
  /**
   * Removes tables and chains that were created for rules of a snapshot, as far as none of ours are in them any more.
   *
   * @throws {RulesError} If that fails.
   */
  tidy(side: Side, before: InstalledRules): Promise<void>;
  /**
   * Removes all rules of ours, and the tables and chains created for them.
   *
   * @throws {RulesError} If that fails.
   */
  remove(side: Side): Promise<void>;
}

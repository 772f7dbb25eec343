import type { Flavour } from "../config/rules.ts";
import type { Ruleset, Side } from "./ruleset.ts";
import type { Command } from "./tools.ts";

/** A snapshot of one side's installed rules, and the commands that change them. */
export interface InstalledRules {
  /** True if any rule of ours is installed. */
  readonly present: boolean;
  /** True if any program's rules are made with this tool. */
  readonly inUse: boolean;
  /** The rules in the tool's notation: equal texts are equal rules. */
  readonly text: string;
  /**
   * Commands that replace them with a ruleset, atomically for each version of IP; none if nothing changes.
   *
   * @throws {RulesError} If what they depend on, besides the snapshot, can't be read.
   */
  applyCommands(ruleset: Ruleset): Promise<Command[]>;
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
   * Reads a side's installed rules.
   *
   * @throws {RulesError} If they can't be read.
   */
  read(side: Side): Promise<InstalledRules>;
  /**
   * Reads the installed rules of both sides.
   *
   * @throws {RulesError} If they can't be read.
   */
  readAll(): Promise<Readonly<Record<Side, InstalledRules>>>;
  /**
   * Checks that the machine would accept a ruleset, without installing it.
   *
   * @throws {RulesError} If it would not.
   */
  check(ruleset: Ruleset): Promise<void>;
  /**
   * Replaces the rules of a ruleset's side as they are now, with the same chains in place.
   *
   * @throws {RulesError} If that fails, possibly for one version of IP only.
   */
  replace(ruleset: Ruleset): Promise<void>;
  /**
   * Restores the rules of a snapshot.
   *
   * @throws {RulesError} If that fails.
   */
  restore(side: Side, before: InstalledRules): Promise<void>;
  /**
   * Removes tables and chains that were created for rules of a snapshot, as far as a ruleset that replaced these has none
   * in them.
   *
   * @throws {RulesError} If that fails.
   */
  tidy(ruleset: Ruleset, before: InstalledRules): Promise<void>;
  /**
   * Removes the rules of a side's snapshot, and the tables and chains created for them.
   *
   * @throws {RulesError} If that fails.
   */
  remove(side: Side, before: InstalledRules): Promise<void>;
}

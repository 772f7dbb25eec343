import type { Flavour } from "../config/rules.ts";
import type { Ruleset, Side } from "./ruleset.ts";
import type { Command } from "./tools.ts";

/** What is in place for one side at one moment, and the commands that lead away from it. */
export interface Present {
  /** Whether anything of ours is there. */
  readonly present: boolean;
  /** All of it in the tool's own words: equal texts are equal rules. */
  readonly text: string;
  /** Puts a ruleset in place of it: for each version of IP all of it at once, or nothing. None where nothing changes. */
  applying(ruleset: Ruleset): Command[];
  /** Removes it. */
  removing(): Command[];
}

/** One way to make rules. */
export interface Backend {
  /** What people call it. */
  readonly flavour: Flavour;
  /** What is in place when nobody knows: nothing. */
  readonly blank: Present;
  /**
   * Looks at what is in place; changes nothing.
   *
   * @throws {RulesError} When that can't be seen.
   */
  read(side: Side): Promise<Present>;
  /**
   * Finds out whether the machine takes a ruleset, without putting it in place.
   *
   * @throws {RulesError} When it does not.
   */
  check(ruleset: Ruleset): Promise<void>;
  /** Whether rules of anybody's are made this way here. */
  inUse(): Promise<boolean>;
  /**
   * Goes back to what there was.
   *
   * @throws {RulesError} When that fails.
   */
  restore(side: Side, before: Present): Promise<void>;
  /**
   * Removes all that is ours, and what came to be with it.
   *
   * @throws {RulesError} When that fails.
   */
  remove(side: Side): Promise<void>;
}

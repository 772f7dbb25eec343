import type { Option } from "../../config/schema.ts";
import type { NamedCommand } from "../command.ts";

/** A flag, for completion. */
export interface FlagSpec {
  /** Without dashes. */
  readonly name: string;
  /** One line. */
  readonly doc: string;
  /** Stands for the value. Absent for a flag without one. */
  readonly placeholder?: string;
  /** Possible values; empty if there are others. */
  readonly words: readonly string[];
  /** The value is a file name. */
  readonly file: boolean;
  /** May be given more than once. */
  readonly repeats: boolean;
}

/** A command, for completion. */
export interface CommandSpec {
  /** The word after `micss`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Its flags. */
  readonly flags: readonly FlagSpec[];
  /** Possible values of its first argument. */
  readonly words: readonly string[];
  /** Takes a file name. */
  readonly files: boolean;
}

const HELP_FLAG: Option = { flag: "help", doc: "Show help" };

/** Reduces commands to what completion needs. */
export function commandSpecs(commands: readonly NamedCommand[]): CommandSpec[] {
  return commands.map(({ name, summary, options, operands = {} }) => {
    const inherited = commands.filter((other) => operands.settingsOf?.includes(other.name)).flatMap(({ options }) =>
      options
    );
    const all = [...options, ...inherited.filter(({ path }) => path !== undefined), HELP_FLAG].flatMap(flagSpecs);
    return {
      name,
      summary,
      flags: all.filter((flag, at) => all.findIndex((other) => other.name === flag.name) === at),
      words: operands.words ?? [],
      files: operands.files ?? false,
    };
  });
}

function flagSpecs({ flag, doc, placeholder, repeats = false }: Option): FlagSpec[] {
  if (flag === undefined) return [];
  // Alternatives are written in lower case, other placeholders in capitals.
  const words = placeholder !== undefined && /^[a-z0-9-]+(?:\|[a-z0-9-]+)+$/.test(placeholder)
    ? placeholder.split("|")
    : [];
  const value = placeholder === undefined ? {} : { placeholder };
  return [{ name: flag, doc, ...value, words, file: placeholder === "FILE", repeats }];
}

import type { Option } from "../../config/schema.ts";
import type { Command } from "../command.ts";

/** A flag as shells complete it. */
export interface Flag {
  /** Its name, without dashes. */
  readonly name: string;
  /** One line. */
  readonly doc: string;
  /** Stands for its value; left out where it takes none. */
  readonly placeholder?: string;
  /** The words that its value may be; empty where it may be other than that. */
  readonly words: readonly string[];
  /** Whether its value is a file's name. */
  readonly file: boolean;
  /** Whether it may be given again. */
  readonly repeats: boolean;
}

/** A command as shells complete it. */
export interface Line {
  /** What a person types after `micss`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Its flags. */
  readonly flags: readonly Flag[];
  /** What its first argument may be. */
  readonly words: readonly string[];
  /** Whether a file's name may be an argument. */
  readonly files: boolean;
}

const HELP: Option = { flag: "help", doc: "Tell how it is called" };

/** What shells need to know of commands. */
export function linesOf(commands: readonly Command[]): Line[] {
  return commands.map(({ name, summary, options, operands = {} }) => {
    const others = commands.filter((other) => operands.settingsOf?.includes(other.name)).flatMap(({ options }) =>
      options
    );
    const all = [...options, ...others.filter(({ path }) => path !== undefined), HELP].flatMap(flagOf);
    return {
      name,
      summary,
      flags: all.filter((flag, at) => all.findIndex((other) => other.name === flag.name) === at),
      words: operands.words ?? [],
      files: operands.files ?? false,
    };
  });
}

function flagOf({ flag, doc, placeholder, repeats = false }: Option): Flag[] {
  if (flag === undefined) return [];
  // A choice between words is written in lower case; what stands for something else, in capitals.
  const words = placeholder !== undefined && /^[a-z0-9-]+(?:\|[a-z0-9-]+)+$/.test(placeholder)
    ? placeholder.split("|")
    : [];
  const value = placeholder === undefined ? {} : { placeholder };
  return [{ name: flag, doc, ...value, words, file: placeholder === "FILE", repeats }];
}

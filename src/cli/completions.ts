import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { Command } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { takePositional } from "./positional.ts";
import { bashCompletion } from "./shells/bash.ts";
import { fishCompletion } from "./shells/fish.ts";
import { type Line, linesOf } from "./shells/line.ts";
import { zshCompletion } from "./shells/zsh.ts";

const SUBJECT = "micss completions";

const SHELLS: Readonly<Record<string, (lines: readonly Line[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

const NAMES = Object.keys(SHELLS);

/** `micss completions`. @param load Loads all commands. */
export function completionsCommand(load: () => Promise<Command[]>): Command {
  return {
    name: "completions",
    summary: "Prints what makes a shell complete micss's commands, flags and their values",
    usage: NAMES.join("|"),
    operands: { words: NAMES },
    options: [],
    examples: [
      "micss completions bash > /etc/bash_completion.d/micss",
      "micss completions zsh > /usr/local/share/zsh/site-functions/_micss",
      "micss completions fish > ~/.config/fish/completions/micss.fish",
    ],
    async run(args, output) {
      const { value, rest } = takePositional(SUBJECT, [], args);
      readFlags(SUBJECT, [], rest);
      const print = value !== undefined && Object.hasOwn(SHELLS, value) ? SHELLS[value] : undefined;
      if (print === undefined) throw new UsageError([`${SUBJECT}: ${unknownShell(value)}`]);
      output.out(print(linesOf(await load())));
      return 0;
    },
  };
}

function unknownShell(value: string | undefined): string {
  const meant = value === undefined ? undefined : nearest(value, NAMES);
  const hint = meant === undefined ? `write ${SUBJECT} ${NAMES.join("|")}` : `did you mean ${meant}?`;
  return `${value === undefined ? "no shell" : `${quote(value)} is none`}; ${hint}`;
}

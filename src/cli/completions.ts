import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { Command, NamedCommand } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { takePositional } from "./positional.ts";
import { bashCompletion } from "./shells/bash.ts";
import { fishCompletion } from "./shells/fish.ts";
import { type CommandSpec, commandSpecs } from "./shells/spec.ts";
import { zshCompletion } from "./shells/zsh.ts";

const SUBJECT = "micss completions";

const SHELLS: Readonly<Record<string, (commands: readonly CommandSpec[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

const NAMES = Object.keys(SHELLS);

/** `micss completions`. @param loadAll Loads all commands. */
export function completionsCommand(loadAll: () => Promise<NamedCommand[]>): Command {
  return {
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
      output.out(print(commandSpecs(await loadAll())));
      return 0;
    },
  };
}

function unknownShell(value: string | undefined): string {
  const suggestion = value === undefined ? undefined : nearest(value, NAMES);
  const hint = suggestion === undefined ? `write ${SUBJECT} ${NAMES.join("|")}` : `did you mean ${suggestion}?`;
  return `${value === undefined ? "no shell given" : `${quote(value)}: unknown shell`}; ${hint}`;
}

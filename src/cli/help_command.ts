import { UsageError } from "../config/problems.ts";
import type { Command, CommandTitle, NamedCommand } from "./command.ts";
import { commandHelp, programHelp } from "./help.ts";

/**
 * `micss help`.
 *
 * @param titles The command table.
 * @param load Loads one of them by the name that a user typed.
 */
export function helpCommand(
  titles: readonly CommandTitle[],
  load: (name: string) => Promise<NamedCommand>,
): Command {
  return {
    usage: "[COMMAND]",
    operands: { words: titles.map(({ name }) => name) },
    options: [],
    examples: ["micss help", "micss help server"],
    async run(args, output) {
      if (args.length > 1) throw new UsageError(["micss help: more than one command; write micss help COMMAND"]);
      const [name] = args;
      output.out(name === undefined ? programHelp(titles) : commandHelp(await load(name)));
      return 0;
    },
  };
}

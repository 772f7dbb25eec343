import { UsageError } from "../config/problems.ts";
import type { Command, CommandEntry } from "./command.ts";
import { commandHelp, programHelp } from "./help.ts";

/**
 * `micss help`.
 *
 * @param commands The table of commands.
 * @param find Finds one of them by what a person typed.
 */
export function helpCommand(commands: readonly CommandEntry[], find: (name: string) => CommandEntry): Command {
  return {
    name: "help",
    summary: "Shows help for a command",
    usage: "[COMMAND]",
    operands: { words: commands.map(({ name }) => name) },
    options: [],
    examples: ["micss help", "micss help server"],
    async run(args, output) {
      if (args.length > 1) throw new UsageError(["micss help: more than one command; write micss help COMMAND"]);
      const [name] = args;
      output.out(name === undefined ? programHelp(commands) : commandHelp(await find(name).load()));
      return 0;
    },
  };
}

import type { Command, NamedCommand } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { manual } from "./manual.ts";

/** `micss man`. @param loadAll Loads all commands. */
export function manCommand(loadAll: () => Promise<NamedCommand[]>): Command {
  return {
    usage: "",
    options: [],
    examples: ["micss man | man -l -", "micss man > /usr/local/share/man/man1/micss.1"],
    async run(args, output) {
      readFlags("micss man", [], args);
      output.out(manual(await loadAll()));
      return 0;
    },
  };
}

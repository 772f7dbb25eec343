import type { Command } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { manual } from "./manual.ts";

/** `micss man`. @param load Loads all commands. */
export function manCommand(load: () => Promise<Command[]>): Command {
  return {
    name: "man",
    summary: "Prints the manual page",
    usage: "",
    options: [],
    examples: ["micss man | man -l -", "micss man > /usr/local/share/man/man1/micss.1"],
    async run(args, output) {
      readFlags("micss man", [], args);
      output.out(manual(await load()));
      return 0;
    },
  };
}

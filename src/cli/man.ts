import type { Command } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { manual } from "./manual.ts";

/** `micss man`. */
export const command: Command = {
  name: "man",
  summary: "Prints the manual page",
  usage: "",
  options: [],
  examples: ["micss man | man -l -", "micss man > /usr/local/share/man/man1/micss.1"],
  async run(args, output) {
    readFlags("micss man", command.options, args);
    // Imported when it is needed: the table of commands has this one in it.
    const { COMMANDS } = await import("./mod.ts");
    output.out(manual(await Promise.all(COMMANDS.map((entry) => entry.load()))));
    return 0;
  },
};

import project from "../../deno.json" with { type: "json" };
import { PROTOCOL_VERSION } from "../wire/greeting.ts";
import type { Command } from "./command.ts";
import { readFlags } from "./flags.ts";

/** The program's version. */
export const VERSION: string = project.version;

/** `micss version`. */
export const command: Command = {
  name: "version",
  summary: "Prints the versions of the program, of the protocol and of Deno",
  usage: "",
  options: [],
  examples: ["micss version"],
  run(args, output) {
    readFlags("micss version", command.options, args);
    output.out(`micss ${VERSION} (protocol ${PROTOCOL_VERSION}, deno ${Deno.version.deno})\n`);
    return Promise.resolve(0);
  },
};

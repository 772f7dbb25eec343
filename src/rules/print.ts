import type { Command } from "./tools.ts";

/** Formats the commands of `micss rules apply` as a shell script, to read or to run as root. */
export function shellScript(commands: readonly Command[]): string {
  return commands.map(({ program, args, input = "" }) => {
    // The words are our own and need no quotes; the input contains users' text, which a quoted END protects.
    return `${[program, ...args].join(" ")} <<'END'\n${input}END\n`;
  }).join("\n");
}

import type { Command } from "./tools.ts";

/** The commands as a shell script: what `micss rules apply` runs, to be read, or kept, or run by hand as root. */
export function shellScript(commands: readonly Command[]): string {
  return commands.map(({ program, args, input = "" }) => {
    // The words come from this program and need no quotes; the input has what people wrote, and quotes nothing.
    return `${[program, ...args].join(" ")} <<'END'\n${input}END\n`;
  }).join("\n");
}

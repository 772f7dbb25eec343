import type { Option } from "../config/schema.ts";
import type { Command } from "./command.ts";
import { EXIT_STATUSES } from "./statuses.ts";

/** A command as the list of commands shows it. */
export type CommandLine = Pick<Command, "name" | "summary">;

/** What the program is for, in one line. */
export const WHAT = "carries TCP connections over several network paths; reading all but one of them reveals nothing";

/** The help of the whole program. */
export function programHelp(commands: readonly CommandLine[]): string {
  return [
    `micss ${WHAT}`,
    "",
    shortHelp(commands),
    "A first look, without any configuration:",
    "  micss demo",
    "",
    "Exit status:",
    ...columns(EXIT_STATUSES.map(([status, meaning]) => [status, meaning])),
    "",
  ].join("\n");
}

/** How the program is called, for who called it with nothing. */
export function shortHelp(commands: readonly CommandLine[]): string {
  return [
    "Usage: micss COMMAND [FLAG]...",
    "",
    "Commands:",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "micss help COMMAND, or micss COMMAND --help, tells more.",
    "",
  ].join("\n");
}

/** The help of one command: usage, flags, what only its file can say, examples. */
export function commandHelp({ name, summary, usage, options, examples }: Command): string {
  const flags = options.filter(({ flag }) => flag !== undefined);
  const settings = options.filter(({ flag }) => flag === undefined);
  return [
    `micss ${name}: ${summary}`,
    "",
    `Usage: micss ${name} ${usage}`.trimEnd(),
    ...section(
      "Flags",
      flags,
      ({ flag, placeholder }) => `--${flag}${placeholder === undefined ? "" : ` ${placeholder}`}`,
    ),
    ...section("Only in the file", settings, ({ path, placeholder }) => `${path} ${placeholder}`),
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

function section(title: string, options: readonly Option[], head: (option: Option) => string): string[] {
  if (options.length === 0) return [];
  return ["", `${title}:`, ...columns(options.map((option) => [head(option), option.doc + remarks(option)]))];
}

function remarks({ repeats, default: otherwise }: Option): string {
  const remarks = [repeats ? "repeats" : [], otherwise === undefined ? [] : `default ${otherwise}`].flat();
  return remarks.length === 0 ? "" : ` (${remarks.join("; ")})`;
}

/** Rows of two columns; the second goes below a first that is too long for its place. */
function columns(rows: [string, string][]): string[] {
  const longest = Math.max(...rows.map(([first]) => first.length));
  const width = Math.min(longest, 34);
  return rows.map(([first, second]) => {
    const gap = first.length > width ? `\n${" ".repeat(width + 4)}` : " ".repeat(width - first.length + 2);
    return `  ${first}${gap}${second}`;
  });
}

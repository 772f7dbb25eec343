import type { Option } from "../config/schema.ts";
import type { CommandTitle, NamedCommand } from "./command.ts";
import { EXIT_STATUSES } from "./exit_statuses.ts";

/** The program's purpose, in one line. */
export const TAGLINE = "carries TCP and UDP over several network paths; reading all but one of them reveals nothing";

/** Help of the whole program. */
export function programHelp(commands: readonly CommandTitle[]): string {
  return [
    `micss ${TAGLINE}`,
    "",
    shortHelp(commands),
    "To try it without any configuration:",
    "  micss demo",
    "",
    "Exit status:",
    ...columns(EXIT_STATUSES.map(([status, meaning]) => [status, meaning])),
    "",
  ].join("\n");
}

/** Usage and commands, shown when no argument is given. */
export function shortHelp(commands: readonly CommandTitle[]): string {
  return [
    "Usage: micss COMMAND [FLAG]...",
    "",
    "Commands:",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Run micss help COMMAND or micss COMMAND --help for details.",
    "",
  ].join("\n");
}

/** Help of one command: usage, flags, settings that only its file can hold, examples. */
export function commandHelp({ name, summary, usage, options, examples }: NamedCommand): string {
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
    ...section("Settings only in the file", settings, ({ path, placeholder }) => `${path} ${placeholder}`),
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
  const remarks = [repeats ? "repeatable" : [], otherwise === undefined ? [] : `default ${otherwise}`].flat();
  return remarks.length === 0 ? "" : ` (${remarks.join("; ")})`;
}

/** Formats two columns. The second moves to a line of its own below a long first one. */
function columns(rows: [string, string][]): string[] {
  const longest = Math.max(...rows.map(([first]) => first.length));
  const width = Math.min(longest, 34);
  return rows.map(([first, second]) => {
    const gap = first.length > width ? `\n${" ".repeat(width + 4)}` : " ".repeat(width - first.length + 2);
    return `  ${first}${gap}${second}`;
  });
}

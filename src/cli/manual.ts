import type { Option } from "../config/schema.ts";
import { WHAT } from "./help.ts";
import { EXIT_STATUSES } from "./statuses.ts";
import type { Command } from "./command.ts";
import { VERSION } from "../run/version.ts";

/** What the environment says, and files, that no flag names. */
const ENVIRONMENT: readonly [string, string][] = [
  ["MICSS_DEBUG", "Where it is set, an error that nobody expected is shown with its stack."],
  ["NO_COLOR", "Where it is set, nothing is coloured. Nothing is, too, where output goes to no terminal."],
  ["XDG_STATE_HOME, HOME", "Where the database of learned channels is, for users other than root."],
];

const FILES: readonly [string, string][] = [
  ["/var/lib/micss/channels.db", "The database of learned channels, for root."],
  ["~/.local/state/micss/channels.db", "The same for others."],
];

/** The manual page, in roff with the macros of man(7). */
export function manual(commands: readonly Command[]): string {
  return [
    `.TH MICSS 1 "" "micss ${VERSION}" "User Commands"`,
    // Flags and placeholders are copied, so no word is broken, and no space added.
    ".nh",
    ".ad l",
    ".SH NAME",
    `micss \\- ${text(WHAT)}`,
    ".SH SYNOPSIS",
    ".B micss",
    ".I COMMAND",
    ".RI [ FLAG ].\\|.\\|.",
    ".SH DESCRIPTION",
    text(
      "micss carries TCP connections over several network paths at once, each path with one share of every byte: " +
        "an attacker who reads all paths but one learns nothing about the content. One who also changes bytes can: " +
        "keep TLS or SSH above. Paths are separate only as far as routing keeps them apart.",
    ),
    ".PP",
    text(
      "A server handler (micss server) takes the channels and connects to the targets; a client handler " +
        "(micss client) takes applications' connections. Settings are given by flags, or in a YAML file; flags win.",
    ),
    ".SH COMMANDS",
    ...commands.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...EXIT_STATUSES.flatMap(([status, meaning]) => tagged(`.B ${text(status)}`, `${meaning}.`)),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, meaning]) => tagged(`.B ${text(name)}`, meaning)),
    ".SH FILES",
    ...FILES.flatMap(([name, meaning]) => tagged(`.I ${text(name)}`, meaning)),
    "",
  ].join("\n");
}

function commandLines({ name, summary, usage, options, examples }: Command): string[] {
  const flags = options.filter(({ flag }) => flag !== undefined);
  const settings = options.filter(({ flag }) => flag === undefined);
  return [
    `.SS "micss ${name}"`,
    text(`${summary}.`),
    ".PP",
    `.B micss ${name}`,
    ...usage === "" ? [] : [text(usage)],
    ...flags.flatMap((option) => tagged(flagHead(option), doc(option))),
    ...settings.length === 0 ? [] : [".PP", "Only in the file:"],
    ...settings.flatMap((option) =>
      tagged(`.BR ${text(option.path!)} " " ${argument(option.placeholder)}`, doc(option))
    ),
    ".PP",
    examples.length === 1 ? "Example:" : "Examples:",
    ".PP",
    ".RS",
    ".nf",
    ...examples.map(text),
    ".fi",
    ".RE",
  ];
}

function flagHead({ flag, placeholder }: Option): string {
  const name = `\\-\\-${text(flag!)}`;
  return placeholder === undefined ? `.B ${name}` : `.BI ${name} " " ${argument(placeholder)}`;
}

function doc({ doc, repeats, default: otherwise }: Option): string {
  const remarks = [repeats ? "It repeats." : [], otherwise === undefined ? [] : `Default: ${otherwise}.`].flat();
  return [`${doc}.`, ...remarks].join(" ");
}

function tagged(head: string, body: string): string[] {
  return [".TP", head, text(body)];
}

/** A macro's argument. */
function argument(written = ""): string {
  return `"${text(written).replaceAll('"', "\\(dq")}"`;
}

/** Text as roff takes it: nothing of it is a request or an escape, and a dash is the one that people can copy. */
function text(plain: string): string {
  return plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replace(/^[.]/, "\\&$&");
}

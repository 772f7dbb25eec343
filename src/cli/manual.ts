import type { Option } from "../config/schema.ts";
import { TAGLINE } from "./help.ts";
import { EXIT_STATUSES } from "./exit_statuses.ts";
import type { NamedCommand } from "./command.ts";
import { VERSION } from "../run/version.ts";

/** Environment variables that the program reads. */
const ENVIRONMENT: readonly [string, string][] = [
  ["MICSS_DEBUG", "Print stack traces for internal errors."],
  ["NO_COLOR", "Do not use colours. Output to anything but a terminal has none either."],
  ["STATE_DIRECTORY", "State directory, set by the service manager."],
  ["XDG_STATE_HOME, HOME", "Location of the state directory and the database of learned channels."],
];

const FILES: readonly [string, string][] = [
  ["/var/lib/micss", "State directory, for root: a server's key, clients and invitations, or a client's servers."],
  ["~/.local/state/micss", "State directory, for other users."],
  ["/var/lib/micss/channels.db", "Database of learned channels, for root."],
  ["~/.local/state/micss/channels.db", "Database of learned channels, for other users."],
];

/** Formats the manual page, in roff with the macros of man(7). */
export function manual(commands: readonly NamedCommand[]): string {
  return [
    `.TH MICSS 1 "" "micss ${VERSION}" "User Commands"`,
    // Users copy flags and placeholders, so break no words and add no spaces.
    ".nh",
    ".ad l",
    ".SH NAME",
    `micss \\- ${text(TAGLINE)}`,
    ".SH SYNOPSIS",
    ".B micss",
    ".I COMMAND",
    ".RI [ FLAG ].\\|.\\|.",
    ".SH DESCRIPTION",
    text(
      "micss carries TCP connections, and UDP datagrams as best effort, over several network paths at once, each path with one share of " +
        "every byte: " +
        "an attacker who controls all but one of the paths learns nothing about the content, and changes none of it " +
        "unnoticed. Paths are separate only as far as routing keeps them apart.",
    ),
    ".PP",
    text(
      "A server handler (micss server) accepts the channels and connects to the targets; a client handler " +
        "(micss client) accepts applications' connections. Settings come from flags and from a YAML file; flags " +
        "override the file.",
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

function commandLines({ name, summary, usage, options, examples }: NamedCommand): string[] {
  const flags = options.filter(({ flag }) => flag !== undefined);
  const settings = options.filter(({ flag }) => flag === undefined);
  return [
    `.SS "micss ${name}"`,
    text(`${summary}.`),
    ".PP",
    `.B micss ${name}`,
    ...usage === "" ? [] : [text(usage)],
    ...flags.flatMap((option) => tagged(flagHead(option), doc(option))),
    ...settings.length === 0 ? [] : [".PP", "Settings only in the file:"],
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
  const remarks = [
    repeats ? "May be given more than once." : [],
    otherwise === undefined ? [] : `Default: ${otherwise}.`,
  ].flat();
  return [`${doc}.`, ...remarks].join(" ");
}

function tagged(head: string, body: string): string[] {
  return [".TP", head, text(body)];
}

/** Quotes a macro's argument. */
function argument(written = ""): string {
  return `"${text(written).replaceAll('"', "\\(dq")}"`;
}

/** Escapes text for roff: no requests, no escapes, and dashes that can be copied. */
function text(plain: string): string {
  return plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replace(/^[.]/, "\\&$&");
}

import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { Command, CommandEntry } from "./command.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "server",
    summary: "Takes channels and passes what they carry to the targets",
    load: async () => (await import("./server.ts")).command,
  },
  {
    name: "client",
    summary: "Takes applications' connections and carries them to servers over several channels",
    load: async () => (await import("./client.ts")).command,
  },
  {
    name: "check",
    summary: "Says whether a configuration file is right, with the line and the field of each mistake",
    load: async () => (await import("./check.ts")).command,
  },
  {
    name: "rules",
    summary: "Prints, applies, watches or removes the firewall rules that redirect to the client, or guard the server",
    load: async () => (await import("./rules.ts")).command,
  },
  {
    name: "keygen",
    summary: "Makes a key by which a server tells its clients the channels",
    load: async () => (await import("./keygen.ts")).command,
  },
  {
    name: "identify",
    summary: "Asks a server for its channels, shows them, and keeps them for clients of this machine",
    load: async () => (await import("./identify.ts")).command,
  },
  {
    name: "channels",
    summary: "Lists, forgets, imports or exports what was learned of servers' channels",
    load: async () => (await import("./channels.ts")).command,
  },
  {
    name: "status",
    summary: "Shows who is connected through a handler, and how its channels do",
    load: async () => (await import("./status.ts")).command,
  },
  {
    name: "bench",
    summary: "Measures a server's channels, and MICSS over all of them, and names the one that limits",
    load: async () => (await import("./bench.ts")).command,
  },
  {
    name: "completions",
    summary: "Prints what makes a shell complete micss's commands, flags and their values",
    load: async () => (await import("./completions.ts")).completionsCommand(loadAll),
  },
  {
    name: "man",
    summary: "Prints the manual page",
    load: async () => (await import("./man.ts")).manCommand(loadAll),
  },
  {
    name: "demo",
    summary: "Shows it all at work on this machine, in seconds",
    load: async () => (await import("./demo.ts")).command,
  },
  {
    name: "help",
    summary: "Shows help for a command",
    load: async () => (await import("./help_command.ts")).helpCommand(COMMANDS, findCommand),
  },
  {
    name: "version",
    summary: "Prints the versions of the program, of the protocol and of Deno",
    load: async () => (await import("./version.ts")).command,
  },
];

function loadAll(): Promise<Command[]> {
  return Promise.all(COMMANDS.map((entry) => entry.load()));
}

/**
 * Finds a command by what a person typed.
 *
 * @throws {UsageError} When there is no such command; the message suggests the nearest one.
 */
export function findCommand(name: string): CommandEntry {
  const entry = COMMANDS.find((entry) => entry.name === name);
  if (entry !== undefined) return entry;
  const meant = nearest(name.replace(/^-+/, ""), COMMANDS.map(({ name }) => name));
  const hint = meant === undefined ? "micss help lists them" : `did you mean micss ${meant}?`;
  throw new UsageError([`micss: ${quote(name)}: unknown ${name.startsWith("-") ? "flag" : "command"}; ${hint}`]);
}

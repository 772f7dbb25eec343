import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { CommandEntry, NamedCommand } from "./command.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "server",
    summary: "Run a server handler: accept channels and relay sessions to their targets",
    load: async () => (await import("./server.ts")).command,
  },
  {
    name: "client",
    summary: "Run a client handler: carry applications' connections over several channels",
    load: async () => (await import("./client.ts")).command,
  },
  {
    name: "invite",
    summary: "Invite a client: print a line with which it can join this server once",
    load: async () => (await import("./invite.ts")).command,
  },
  {
    name: "clients",
    summary: "List or revoke the clients that joined this server",
    load: async () => (await import("./clients.ts")).command,
  },
  {
    name: "join",
    summary: "Join a server with an invitation",
    load: async () => (await import("./join.ts")).command,
  },
  {
    name: "check",
    summary: "Check a configuration file and report each mistake with its line and field",
    load: async () => (await import("./check.ts")).command,
  },
  {
    name: "rules",
    summary: "Print, apply, watch or remove firewall rules that redirect to the client or guard the server",
    load: async () => (await import("./rules.ts")).command,
  },
  {
    name: "routes",
    summary: "Print, apply, watch or remove the routes that keep each channel on its own link",
    load: async () => (await import("./routes.ts")).command,
  },
  {
    name: "keygen",
    summary: "Generate a key that authenticates a server's list of channels",
    load: async () => (await import("./keygen.ts")).command,
  },
  {
    name: "identify",
    summary: "Ask a server for its channels and store them for the clients of this machine",
    load: async () => (await import("./identify.ts")).command,
  },
  {
    name: "channels",
    summary: "List, forget, import or export learned channels",
    load: async () => (await import("./channels.ts")).command,
  },
  {
    name: "status",
    summary: "Show the sessions of a running handler and the state of its channels",
    load: async () => (await import("./status.ts")).command,
  },
  {
    name: "paths",
    summary: "Show the path of each of a server's channels, and what two of them share",
    load: async () => (await import("./paths.ts")).command,
  },
  {
    name: "bench",
    summary: "Measure a server's channels, and MICSS over all of them, to find the bottleneck",
    load: async () => (await import("./bench.ts")).command,
  },
  {
    name: "plan",
    summary: "Show what each choice of channels gives in privacy, rate, loss and delay, and which to choose",
    load: async () => (await import("./plan.ts")).command,
  },
  {
    name: "completions",
    summary: "Print a shell completion script",
    load: async () => (await import("./completions.ts")).completionsCommand(loadAll),
  },
  {
    name: "man",
    summary: "Print the manual page",
    load: async () => (await import("./man.ts")).manCommand(loadAll),
  },
  {
    name: "demo",
    summary: "Demonstrate MICSS on this machine, in a few seconds",
    load: async () => (await import("./demo.ts")).command,
  },
  {
    name: "help",
    summary: "Show help for a command",
    load: async () => (await import("./help_command.ts")).helpCommand(COMMANDS, loadCommand),
  },
  {
    name: "version",
    summary: "Print the versions of the program, the protocol and Deno",
    load: async () => (await import("./version.ts")).command,
  },
];

function loadAll(): Promise<NamedCommand[]> {
  return Promise.all(COMMANDS.map(loadEntry));
}

async function loadEntry({ name, summary, load }: CommandEntry): Promise<NamedCommand> {
  return { name, summary, ...await load() };
}

/**
 * Loads a command by the name that a user typed.
 *
 * @throws {UsageError} On an unknown command; the message suggests the nearest one.
 */
export async function loadCommand(name: string): Promise<NamedCommand> {
  const entry = COMMANDS.find((entry) => entry.name === name);
  if (entry !== undefined) return await loadEntry(entry);
  const suggestion = nearest(name.replace(/^-+/, ""), COMMANDS.map(({ name }) => name));
  const hint = suggestion === undefined ? "micss help lists them" : `did you mean micss ${suggestion}?`;
  throw new UsageError([`micss: ${quote(name)}: unknown ${name.startsWith("-") ? "flag" : "command"}; ${hint}`]);
}

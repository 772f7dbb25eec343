import { environment } from "../config/environment.ts";
import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import { type Command, type Output, standardOutput } from "./command.ts";
import { commandHelp, programHelp, shortHelp } from "./help.ts";

/** A command that the table names; its code is loaded when it is called. */
export interface Entry {
  /** The command's name. */
  readonly name: string;
  /** The command's summary, so that the list of commands needs none of their code. */
  readonly summary: string;
  /** Loads the command. */
  load(): Promise<Command>;
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly Entry[] = [
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
    load: async () => (await import("./completions.ts")).command,
  },
  {
    name: "man",
    summary: "Prints the manual page",
    load: async () => (await import("./man.ts")).command,
  },
  {
    name: "demo",
    summary: "Shows it all at work on this machine, in seconds",
    load: async () => (await import("./demo.ts")).command,
  },
  {
    name: "help",
    summary: "Tells how a command is called",
    load: () => Promise.resolve(helpCommand),
  },
  {
    name: "version",
    summary: "Prints the versions of the program, of the protocol and of Deno",
    load: async () => (await import("./version.ts")).command,
  },
];

const helpCommand: Command = {
  name: "help",
  summary: "Tells how a command is called",
  usage: "[COMMAND]",
  get operands() {
    return { words: COMMANDS.map(({ name }) => name) };
  },
  options: [],
  examples: ["micss help", "micss help server"],
  async run(args, output) {
    if (args.length > 1) throw new UsageError(["micss help: more than one command; write micss help COMMAND"]);
    const [name] = args;
    output.out(name === undefined ? programHelp(COMMANDS) : commandHelp(await findCommand(name).load()));
    return 0;
  },
};

/** Maximum wait for a reader to take the message of a failure, in milliseconds. */
const LAST_WORDS = 1000;

/**
 * Runs the program.
 *
 * @param args What follows `micss`.
 * @param output Takes what people read. Default: standard output and error.
 * @returns The exit status: 0, 1 for a failure at run time, 2 for bad input.
 */
export async function main(args: string[], output: Output = standardOutput): Promise<number> {
  const status = await attempt(args, output, async () => {
    const status = await dispatch(args, output);
    await output.flush?.();
    return status;
  });
  return await attempt(args, output, async () => {
    await output.flush?.(LAST_WORDS);
    return status;
  });
}

/** Runs `action`, and reports the error that it throws. @returns The exit status. */
async function attempt(args: string[], output: Output, action: () => Promise<number>): Promise<number> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UsageError) {
      for (const line of error.lines) output.err(`${line}\n`);
      return 2;
    }
    output.err(`micss: internal error: ${describe(error, wantsStack(args))}\n`);
    return 1;
  }
}

async function dispatch([name, ...rest]: string[], output: Output): Promise<number> {
  if (name === undefined) {
    output.err(shortHelp(COMMANDS));
    return 2;
  }
  if (isHelp(name)) return await helpCommand.run(rest, output);
  const command = await findCommand(name === "--version" || name === "-V" ? "version" : name).load();
  if (!rest.some(isHelp)) return await command.run(rest, output);
  output.out(commandHelp(command));
  return 0;
}

function isHelp(arg: string): boolean {
  return arg === "--help" || arg === "-h";
}

function findCommand(name: string): Entry {
  const entry = COMMANDS.find((entry) => entry.name === name);
  if (entry !== undefined) return entry;
  const meant = nearest(name.replace(/^-+/, ""), COMMANDS.map(({ name }) => name));
  const hint = meant === undefined ? "micss help lists them" : `did you mean micss ${meant}?`;
  throw new UsageError([`micss: ${quote(name)}: unknown ${name.startsWith("-") ? "flag" : "command"}; ${hint}`]);
}

/** One line, or with its stack. */
function describe(error: unknown, stack: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return stack && error.stack !== undefined ? error.stack : `${error.name}: ${error.message.split("\n", 1)[0]}`;
}

function wantsStack(args: string[]): boolean {
  if (/(?:^|\0)--log-level[=\0]debug(?:\0|$)/.test(args.join("\0"))) return true;
  try {
    return environment("MICSS_DEBUG") !== undefined;
  } catch {
    // Set, if to nothing that is text.
    return true;
  }
}

import { environment } from "../config/environment.ts";
import { UsageError } from "../config/problems.ts";
import { type Output, standardOutput } from "./command.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { commandHelp, shortHelp } from "./help.ts";

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
  const called = isHelp(name) ? "help" : name === "--version" || name === "-V" ? "version" : name;
  const command = await findCommand(called).load();
  if (!rest.some(isHelp)) return await command.run(rest, output);
  output.out(commandHelp(command));
  return 0;
}

function isHelp(arg: string): boolean {
  return arg === "--help" || arg === "-h";
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

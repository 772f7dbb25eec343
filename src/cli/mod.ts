import { environment } from "../config/environment.ts";
import { UsageError } from "../config/problems.ts";
import { FLUSH_TIMEOUT, type Output, OutputError, standardOutput } from "./command.ts";
import { COMMANDS, loadCommand } from "./commands.ts";
import { commandHelp, shortHelp } from "./help.ts";

/**
 * Runs the program.
 *
 * @param args Arguments after `micss`.
 * @param output Default: standard output and error.
 * @returns The exit status: 0, 1 for a failure at run time, 2 for bad input.
 */
export async function main(args: string[], output: Output = standardOutput): Promise<number> {
  const status = await reportErrors(args, output, async () => {
    const status = await dispatch(args, output);
    await output.flush?.();
    return status;
  });
  return await reportErrors(args, output, async () => {
    await output.flush?.(FLUSH_TIMEOUT);
    return status;
  });
}

/** Runs `action` and reports the error it throws. @returns The exit status. */
async function reportErrors(args: string[], output: Output, action: () => Promise<number>): Promise<number> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UsageError) {
      for (const line of error.lines) output.err(`${line}\n`);
      return 2;
    }
    if (error instanceof OutputError) {
      output.err(`micss: ${error.message}\n`);
      return 1;
    }
    output.err(`micss: internal error: ${formatError(error, wantsStack(args))}\n`);
    return 1;
  }
}

async function dispatch([name, ...rest]: string[], output: Output): Promise<number> {
  if (name === undefined) {
    output.err(shortHelp(COMMANDS));
    return 2;
  }
  const called = isHelp(name) ? "help" : name === "--version" || name === "-V" ? "version" : name;
  const command = await loadCommand(called);
  if (!rest.some(isHelp)) return await command.run(rest, output);
  output.out(commandHelp(command));
  return 0;
}

function isHelp(arg: string): boolean {
  return arg === "--help" || arg === "-h";
}

/** Formats an internal error in one line, or with its stack trace. */
function formatError(error: unknown, stack: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return stack && error.stack !== undefined ? error.stack : `${error.name}: ${error.message.split("\n", 1)[0]}`;
}

function wantsStack(args: string[]): boolean {
  if (/(?:^|\0)--log-level[=\0]debug(?:\0|$)/.test(args.join("\0"))) return true;
  try {
    return environment("MICSS_DEBUG") !== undefined;
  } catch {
    // Set to bytes that are not text.
    return true;
  }
}

import { quote, UsageError } from "../config/problems.ts";
import type { Option } from "../config/schema.ts";

/**
 * Separates a command's positional argument from its flags.
 *
 * @param subject Prefix of messages: "micss identify".
 * @param options The command's flags.
 * @returns The positional argument, if there is one, and the flags with their values.
 * @throws {UsageError} When there is more than one.
 */
export function takePositional(
  subject: string,
  options: readonly Option[],
  args: readonly string[],
): { value: string | undefined; rest: string[] } {
  const values: string[] = [], rest: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith("-")) {
      values.push(arg);
      continue;
    }
    rest.push(arg);
    // The argument after an unknown flag may be its value: report the flag, not the value.
    const option = options.find(({ flag }) => arg === `--${flag}`) ??
      { placeholder: arg.includes("=") ? undefined : "" };
    const value = args[at + 1];
    if (option.placeholder !== undefined && value !== undefined && !value.startsWith("-")) rest.push(args[++at]!);
  }
  if (values.length > 1) {
    throw new UsageError([`${subject}: ${quote(values[1]!)}: unexpected second argument; give only one`]);
  }
  return { value: values[0], rest };
}

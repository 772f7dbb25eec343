import { quote, UsageError } from "../config/problems.ts";
import type { Option } from "../config/schema.ts";

/**
 * Takes the one argument that belongs to no flag out of a command's arguments.
 *
 * @param subject What messages begin with: "micss identify".
 * @param options The command's flags.
 * @returns That argument, undefined if there is none, and the rest, which are flags.
 * @throws {UsageError} When there are several.
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
    // Of an unknown flag what follows may be its value; the flag is what is wrong.
    const option = options.find(({ flag }) => arg === `--${flag}`) ??
      { placeholder: arg.includes("=") ? undefined : "" };
    const value = args[at + 1];
    if (option.placeholder !== undefined && value !== undefined && !value.startsWith("-")) rest.push(args[++at]!);
  }
  if (values.length > 1) {
    throw new UsageError([`${subject}: ${quote(values[1]!)}: one too many; give only one, and flags`]);
  }
  return { value: values[0], rest };
}

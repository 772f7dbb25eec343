import { UsageError } from "./problems.ts";

/**
 * Reads an environment variable.
 *
 * @returns Undefined also without permission to read it, so that optional uses neither fail nor prompt.
 * @throws {UsageError} If the value is not UTF-8.
 */
export function environment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state !== "granted") return undefined;
  try {
    return Deno.env.get(variable);
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    throw new UsageError([`micss: environment variable ${variable}: not UTF-8; set it to UTF-8 text, or unset it`]);
  }
}

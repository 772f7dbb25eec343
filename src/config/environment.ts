import { UsageError } from "./problems.ts";

/**
 * A variable of the environment; undefined also where the permission for it is missing, so that whatever only asks in
 * passing is not stopped, and no prompt asks for the permission.
 *
 * @throws {UsageError} When it is set to what is not UTF-8.
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

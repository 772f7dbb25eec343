/**
 * A variable of the environment; undefined also where the permission for it is missing, so that whoever only asks in
 * passing is not stopped, and nobody is asked for the permission.
 */
export function environment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

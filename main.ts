/**
 * The program `micss`: dispatches its arguments to a command.
 *
 * @module
 */

import { main } from "./src/cli/mod.ts";
import { programPaths, ROUTES_PROGRAMS, RULES_PROGRAMS } from "./src/net/linux/programs.ts";

/** The programs that each command runs. A compromised handler must not be able to run any. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = { rules: RULES_PROGRAMS, routes: ROUTES_PROGRAMS };

if (import.meta.main) {
  const allowed = PROGRAMS[Deno.args[0] ?? ""];
  if (allowed === undefined) Deno.permissions.revokeSync({ name: "run" });
  for (const program of Object.values(PROGRAMS).flat().filter((program) => !allowed?.includes(program))) {
    for (const command of programPaths(program)) Deno.permissions.revokeSync({ name: "run", command });
  }
  Deno.exit(await main(Deno.args));
}

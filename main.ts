/**
 * The program `micss`: dispatches its arguments to a command.
 *
 * @module
 */

import { main } from "./src/cli/mod.ts";

if (import.meta.main) {
  // Only `micss rules` runs other programs. A compromised handler must not be able to.
  if (Deno.args[0] !== "rules") Deno.permissions.revokeSync({ name: "run" });
  Deno.exit(await main(Deno.args));
}

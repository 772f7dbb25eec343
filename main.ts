/**
 * The program `micss`: hands its arguments to a command.
 *
 * @module
 */

import { main } from "./src/cli/mod.ts";

if (import.meta.main) {
  // Only rules are made with other programs. Whatever else goes wrong in a handler, it starts none.
  if (Deno.args[0] !== "rules") Deno.permissions.revokeSync({ name: "run" });
  Deno.exit(await main(Deno.args));
}

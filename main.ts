/**
 * The program `micss`: hands its arguments to a command.
 *
 * @module
 */

import { main } from "./src/cli/mod.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

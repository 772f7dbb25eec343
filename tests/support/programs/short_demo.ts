/**
 * `micss demo` with a transfer that moves less than usual, for tests of what does not depend on that.
 *
 * @module
 */

import { standardOutput } from "../../../src/cli/command.ts";
import { demoCommand } from "../../../src/cli/demo.ts";

/** Limits of the transfer: enough for a few updates of the progress bar. */
const LIMITS = { bytes: 60_000_000, ms: 500 };

const status = await demoCommand({ limits: LIMITS }).run(Deno.args, standardOutput);
await standardOutput.flush();
Deno.exit(status);

import { readFile } from "../config/file.ts";
import { serverSpec } from "../config/server.ts";
import type { Command } from "./command.ts";
import { configOptions } from "../config/load.ts";
import { dryRun } from "./dry_run.ts";
import { DRY_RUN } from "../run/dry_run_flag.ts";
import { runHandler } from "../run/lifetime.ts";
import { checkServerDatagrams } from "../run/check_datagrams.ts";
import { serverRequirements } from "../run/preflight.ts";
import { serverDryRun } from "../run/dry_run_plan.ts";
import { readServer, serverProgram } from "../run/server_program.ts";

/** `micss server`. */
export const command: Command = {
  usage: "--channel HOST[:PORT]... --target PORT=HOST[:PORT]... [--config FILE]",
  options: [...configOptions(serverSpec), DRY_RUN],
  examples: [
    "micss server --channel 192.0.2.10 --channel 198.51.100.10 --channel '[2001:db8::10]' --target 80=127.0.0.1:8080",
    "micss server --config server.yaml --log-level debug",
  ],
  async run(args, output) {
    const program = serverProgram(args);
    const loaded = readServer(args, readFile);
    if (loaded.has("dry-run")) {
      const plan = async () => {
        const { config, keys } = await program.load();
        checkServerDatagrams(config);
        return serverDryRun(config, keys);
      };
      return await dryRun("micss server", loaded, { requirements: serverRequirements(loaded.config), plan }, output);
    }
    return await runHandler(program);
  },
};

import { clientSpec } from "../config/client.ts";
import { readFile } from "../config/file.ts";
import type { Command } from "./command.ts";
import { configOptions } from "../config/load.ts";
import { dryRun } from "./dry_run.ts";
import { DRY_RUN } from "../run/dry_run_flag.ts";
import { runHandler } from "../run/lifetime.ts";
import { clientRequirements } from "../run/preflight.ts";
import { clientDryRun } from "../run/dry_run_plan.ts";
import { withJoinedServers } from "../state/joined_servers.ts";
import { checkSystem, clientProgram, readClient, REPLACE } from "../run/client_program.ts";

/** `micss client`. */
export const command: Command = {
  usage:
    "(--server NAME=HOST[:PORT],HOST[:PORT]... | --identify ADDRESS=FILE...) (--forward HOST:PORT=NAME:PORT | --redirect HOST[:PORT] | --tproxy HOST[:PORT] | --udp-forward HOST:PORT=NAME:PORT | --udp-tproxy HOST[:PORT] | --socks5 HOST:PORT | --http-connect HOST:PORT)... [--config FILE]",
  options: [...configOptions(clientSpec), REPLACE, DRY_RUN],
  examples: [
    "micss client --server web=192.0.2.10,198.51.100.10,[2001:db8::10] --forward 127.0.0.1:8080=web:80",
    "micss client --config client.yaml --redirect 0.0.0.0:6522",
    "micss client --identify 192.0.2.10=server.key.pub --redirect 0.0.0.0:6522",
    "micss client --config client.yaml --socks5 127.0.0.1:1080 --http-connect 127.0.0.1:3128",
  ],
  async run(args, output) {
    const program = clientProgram(args);
    const loaded = readClient(args, readFile, withJoinedServers(clientSpec));
    if (loaded.has("dry-run")) {
      const plan = async () => {
        const { config, keys } = await program.load();
        checkSystem(config);
        return clientDryRun(config, keys);
      };
      return await dryRun("micss client", loaded, { requirements: clientRequirements(loaded.config), plan }, output);
    }
    return await runHandler(program);
  },
};

import { clientIdentifySchema } from "../config/identify.ts";
import { checkServers, clientSpec } from "../config/client.ts";
import { readFile } from "../config/file.ts";
import { loadFileOf } from "../config/side.ts";
import { readFlags } from "../config/flags.ts";
import { UsageError } from "../config/problems.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import type { ClientConfig, Server } from "../config/types.ts";
import { Database, DatabaseError, systemDatabasePath } from "../identify/database.ts";
import { isValid } from "../identify/entry.ts";
import { formatAddress } from "../net/address.ts";
import { hasNativeHelper } from "../net/linux/libc.ts";
import { localMachine } from "../net/names/local_machine.ts";
import { systemDatagrams } from "../net/system/datagrams.ts";
import { realSystem } from "../net/system/system.ts";
import { measurePaths, type ServerPaths } from "../paths/measure.ts";
import { report } from "../paths/report.ts";
import { isOnePath } from "../paths/shared.ts";
import { withJoinedServers } from "../state/joined_servers.ts";
import type { Command, Output } from "./command.ts";
import { withDefaultState } from "./state.ts";

const SUBJECT = "micss paths";

/** Maximum number of servers looked at: one after the other, since each may need hundreds of sockets. */
const MAX_SERVERS = 32;

const OPTIONS: readonly Option[] = [
  { flag: "config", placeholder: "FILE", doc: "Client configuration with servers and database; flags override it" },
  ...optionsOf({ servers: clientSpec.schema.servers, database: clientIdentifySchema.database })
    .filter(({ flag }) => flag !== undefined),
  withDefaultState(optionsOf({ state: clientSpec.schema.state })[0]!),
  { flag: "json", doc: "Print JSON" },
];

/** `micss paths`. */
export const command: Command = {
  usage: "[--config FILE | --server NAME=HOST[:PORT],HOST[:PORT]...] [--database FILE] [--state DIR] [--json]",
  options: OPTIONS,
  examples: [
    "micss paths",
    "micss paths --config client.yaml",
    "micss paths --server 'web=192.0.2.10 via wlan0,198.51.100.10 via lte0' --json",
  ],
  async run(args, output) {
    const flags = readFlags(SUBJECT, OPTIONS, args);
    const path = flags.get("config")?.value as string | undefined;
    const file = path === undefined ? undefined : loadFileOf("client", path, `${SUBJECT}: --config`, readFile);
    const spec: Spec<ClientConfig> = {
      schema: clientSpec.schema,
      check: ({ servers }, problems) => checkServers(servers, problems),
    };
    const settings = new Map([...flags].filter(([flag]) => ["server", "database", "state"].includes(flag)));
    const config = readConfig(withJoinedServers(spec), {
      subject: SUBJECT,
      flags: settings,
      ...file !== undefined && { file },
    });
    const known = path !== undefined || config.database !== undefined;
    const servers = [...config.servers, ...known ? learned(config, output) : []];
    if (servers.length === 0) {
      throw new UsageError([
        `${SUBJECT}: no server; give --config FILE or --server NAME=HOST,HOST, or join one with micss join`,
      ]);
    }
    const paths: ServerPaths[] = [], timeout = config.timeouts.handshake;
    for (const server of servers.slice(0, MAX_SERVERS)) {
      const one = await measurePaths(server, { ...realSystem, ...localMachine, datagrams: systemDatagrams, timeout });
      paths.push(one);
      if (!flags.has("json")) output.out(`${paths.length > 1 ? "\n" : ""}${report(one)}`);
    }
    if (flags.has("json")) output.out(`${JSON.stringify({ servers: paths }, null, 2)}\n`);
    const more = servers.length - paths.length;
    if (more > 0) output.err(`${SUBJECT}: ${more} more servers were left out; give those of interest with --server\n`);
    const native = hasNativeHelper();
    if (!native.ok) {
      output.err(`${SUBJECT}: gateways, hops and the largest datagrams are unknown: that ${native.why}\n`);
    }
    return more > 0 || paths.some(isBad) ? 1 : 0;
  },
};

function isBad({ channels, shared }: ServerPaths): boolean {
  return shared.some(isOnePath) || channels.some(({ failure }) => failure !== undefined);
}

/** Servers whose channels have been learned, one for each list of channels. */
function learned({ database, servers }: ClientConfig, output: Output): Server[] {
  const path = database ?? systemDatabasePath();
  try {
    Deno.statSync(path);
    using opened = new Database(path, { create: false });
    const lists = new Map(servers.map(({ channels }) => [channels.map(formatAddress).join(), undefined]));
    return opened.list().filter((entry) => isValid(entry, Date.now())).flatMap(({ address, channels }) => {
      const list = channels.map(formatAddress).join();
      if (lists.has(list)) return [];
      lists.set(list, undefined);
      return [{ name: address, channels }];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (!(error instanceof DatabaseError)) throw error;
    output.err(`${SUBJECT}: ${path}: ${error.message}; learned channels are left out\n`);
    return [];
  }
}

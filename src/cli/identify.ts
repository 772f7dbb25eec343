import { reasonOf } from "../errors/errors.ts";
import { clientSpec } from "../config/client.ts";
import { readFile } from "../config/file.ts";
import { loadFileOf } from "../config/side.ts";
import { clientIdentifySchema } from "../config/identify.ts";
import { type ClientKey } from "../config/types.ts";
import { quote, UsageError } from "../config/problems.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import { covers } from "../config/scope.ts";
import { canonicalHost, isIp } from "../net/ip.ts";
import type { ClientConfig } from "../config/types.ts";
import { Database, DatabaseError, systemDatabasePath } from "../identify/database.ts";
import type { DatabaseEntry } from "../identify/entry.ts";
import { formatEntries } from "../identify/entry_file.ts";
import { learn, type ScopedKey } from "../identify/learned.ts";
import { type Address, DEFAULT_PORT, formatAddress, parseAddress } from "../net/address.ts";
import { Lookups } from "../net/names/lookups.ts";
import { realSystem } from "../net/system/system.ts";
import { type Command, LOCK_TIMEOUT, type Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { loadClientKeys } from "../run/keys.ts";
import { takePositional } from "./positional.ts";

const SUBJECT = "micss identify";

const OPTIONS: readonly Option[] = [
  { flag: "key", placeholder: "FILE", repeats: true, doc: "Key to identify the server with" },
  { flag: "config", placeholder: "FILE", doc: "Client configuration with keys and database; --key overrides its keys" },
  ...optionsOf({ database: clientIdentifySchema.database }),
  { flag: "json", doc: "Print JSON, as micss channels export does" },
];

/** `micss identify`. */
export const command: Command = {
  usage: "ADDRESS[:PORT] (--key FILE... | --config FILE) [--database FILE] [--json]",
  options: OPTIONS,
  examples: [
    "micss identify 192.0.2.10 --key server.key.pub",
    "micss identify web.example --config client.yaml",
  ],
  async run(args, output) {
    const { address, port, keys, config, json } = await readArguments(args);
    let entry: DatabaseEntry;
    try {
      const scoped = keys.map((one): ScopedKey => port === undefined ? one : { ...one, scope: { ...one.scope, port } });
      entry = await learnFromFirst(await addressesOf(address.host, config), scoped, config);
    } catch (error) {
      output.err(`${SUBJECT}: ${reasonOf(error)}\n`);
      return 1;
    }
    output.out(json ? formatEntries([entry]) : describe(entry));
    return store(entry, config.database ?? systemDatabasePath(), json ? { ...output, out: output.err } : output);
  },
};

interface Arguments {
  readonly address: Address;
  /** The port, if one was given. */
  readonly port: number | undefined;
  /** Keys to identify with. */
  readonly keys: readonly ScopedKey[];
  readonly config: Pick<ClientConfig, "database" | "timeouts">;
  /** Print JSON. */
  readonly json: boolean;
}

async function readArguments(args: string[]): Promise<Arguments> {
  const { value, rest } = takePositional(SUBJECT, OPTIONS, args);
  if (value === undefined) {
    throw new UsageError([`${SUBJECT}: no address given; write micss identify ADDRESS --key FILE`]);
  }
  const flags = readFlags(SUBJECT, OPTIONS, rest);
  const path = flags.get("config")?.value as string | undefined;
  const file = path === undefined ? undefined : loadFileOf("client", path, `${SUBJECT}: --config`, readFile);
  const spec: Spec<ClientConfig> = { schema: clientSpec.schema, check() {} };
  const database = flags.get("database");
  const config = readConfig(spec, {
    subject: SUBJECT,
    flags: new Map(database && [["database", database]]),
    ...file !== undefined && { file },
  });
  const address = parse(value);
  const port = address.port === 0 ? undefined : address.port;
  const files = (flags.get("key")?.value ?? []) as readonly string[];
  const { host } = address;
  const given = files.map((file): ClientKey => ({ scope: { of: host, port: DEFAULT_PORT }, file }));
  const configured = config.keys.filter(({ scope }) => covers(scope, host));
  const chosen = given.length > 0 ? given : configured;
  if (chosen.length === 0) {
    const problem = path === undefined ? "no key given" : `no key for it in ${path}`;
    throw new UsageError([`${SUBJECT}: ${quote(value)}: ${problem}; give one with --key FILE`]);
  }
  return { address, port, keys: await loadClientKeys(`${SUBJECT}: key`, chosen), config, json: flags.has("json") };
}

/** Parses an address; without a port, the port is 0. */
function parse(text: string): Address {
  try {
    return parseAddress(text, 0);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError([`${SUBJECT}: ${error.message}`]);
  }
}

async function addressesOf(
  host: string,
  { timeouts }: Pick<ClientConfig, "timeouts">,
): Promise<readonly string[]> {
  if (isIp(host)) return [canonicalHost(host)];
  return await new Lookups(realSystem).addresses(host, { timeout: timeouts.handshake });
}

/** Asks one address after the other until one answers. @throws The error of the first one if none does. */
async function learnFromFirst(
  hosts: readonly string[],
  keys: readonly ScopedKey[],
  { timeouts }: Pick<ClientConfig, "timeouts">,
): Promise<DatabaseEntry> {
  const failures: unknown[] = [];
  for (const host of hosts) {
    try {
      return await learn(host, keys, { ...realSystem, now: Date.now, timeout: timeouts.handshake });
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

function describe({ address, channels, key, expires }: DatabaseEntry): string {
  const until = new Date(expires!).toISOString();
  const head = `${address} has ${channels.length} channels (key ${key}, valid until ${until}):`;
  return `${[head, ...channels.map((channel) => `  ${formatAddress(channel)}`)].join("\n")}\n`;
}

function store(entry: DatabaseEntry, path: string, output: Output): number {
  try {
    using database = new Database(path, { patience: LOCK_TIMEOUT });
    database.put([entry]);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    output.err(`${SUBJECT}: ${path}: ${error.message}\n`);
    return 1;
  }
  output.out(`stored in ${path}\n`);
  return 0;
}

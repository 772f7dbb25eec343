import { reasonOf } from "../errors/errors.ts";
import { clientSpec } from "../config/client.ts";
import { loadFile, readFile } from "../config/file.ts";
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
import type { Command, Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { loadClientKeys } from "../run/keys.ts";
import { takePositional } from "./positional.ts";

const SUBJECT = "micss identify";

/** How long to wait for another process that holds the database, in milliseconds. */
const PATIENCE = 5_000;

const OPTIONS: readonly Option[] = [
  { flag: "key", placeholder: "FILE", repeats: true, doc: "The key to ask by, or several" },
  { flag: "config", placeholder: "FILE", doc: "A client's file, for its keys and its database; --key wins over it" },
  ...optionsOf({ database: clientIdentifySchema.database }),
  { flag: "json", doc: "For programs, as micss channels export writes it" },
];

/** `micss identify`. */
export const command: Command = {
  name: "identify",
  summary: "Asks a server for its channels, shows them, and keeps them for clients of this machine",
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
      entry = await learnInTurn(await addressesOf(address.host, config), scoped, config);
    } catch (error) {
      output.err(`${SUBJECT}: ${reasonOf(error)}\n`);
      return 1;
    }
    output.out(json ? formatEntries([entry]) : describe(entry));
    return keep(entry, config.database ?? systemDatabasePath(), json ? { ...output, out: output.err } : output);
  },
};

interface Arguments {
  readonly address: Address;
  /** The port that was written, if one was. */
  readonly port: number | undefined;
  /** Those to ask by. */
  readonly keys: readonly ScopedKey[];
  readonly config: Pick<ClientConfig, "database" | "timeouts">;
  /** Whether a program reads the answer. */
  readonly json: boolean;
}

async function readArguments(args: string[]): Promise<Arguments> {
  const { value, rest } = takePositional(SUBJECT, OPTIONS, args);
  if (value === undefined) throw new UsageError([`${SUBJECT}: no address; write micss identify ADDRESS --key FILE`]);
  const flags = readFlags(SUBJECT, OPTIONS, rest);
  const path = flags.get("config")?.value as string | undefined;
  const file = path === undefined ? undefined : loadFile(path, `${SUBJECT}: --config`, readFile);
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
    const hint = path === undefined ? "give one, --key FILE" : `${path} has none for it`;
    throw new UsageError([`${SUBJECT}: ${quote(value)}: no key to ask by; ${hint}`]);
  }
  return { address, port, keys: await loadClientKeys(`${SUBJECT}: key`, chosen), config, json: flags.has("json") };
}

/** An address; port 0 where none is written. */
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

/** Asks the first address that answers. @throws What learning from the first one throws, where none does. */
async function learnInTurn(
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
  const head = `${address} has ${channels.length} channels, by key ${key}, until ${until}:`;
  return `${[head, ...channels.map((channel) => `  ${formatAddress(channel)}`)].join("\n")}\n`;
}

function keep(entry: DatabaseEntry, path: string, output: Output): number {
  try {
    using database = new Database(path, { patience: PATIENCE });
    database.put([entry]);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    output.err(`${SUBJECT}: ${path}: ${error.message}\n`);
    return 1;
  }
  output.out(`kept in ${path}\n`);
  return 0;
}

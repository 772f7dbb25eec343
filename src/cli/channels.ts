import { FileError, readDataFile } from "../config/file.ts";
import { clientIdentifySchema } from "../config/identify.ts";
import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import { canonicalHost, isIp } from "../net/ip.ts";
import { Database, DatabaseError, systemDatabasePath } from "../identify/database.ts";
import { type DatabaseEntry, EntryError, isValid } from "../identify/entry.ts";
import { formatEntries, parseEntries } from "../identify/entry_file.ts";
import { listed } from "../identify/store.ts";
import { columns } from "../text/format.ts";
import { type Command, LOCK_TIMEOUT, type Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { takePositional } from "./positional.ts";

const ACTIONS = ["list", "forget", "import", "export"] as const;
const SUBJECT = "micss channels";

const OPTIONS: readonly Option[] = [
  { flag: "json", doc: "list: print JSON, as export does" },
  { flag: "all", doc: "forget: remove all entries" },
  ...optionsOf({ database: clientIdentifySchema.database }).map((option) => ({
    ...option,
    doc:
      "Database file; default $XDG_STATE_HOME/micss/channels.db, or if that is unset /var/lib/micss/channels.db for " +
      "root and ~/.local/state/micss/channels.db for others",
  })),
];

/** `micss channels`. */
export const command: Command = {
  usage: "list [--json] | forget ADDRESS | forget --all | import FILE | export [--database FILE]",
  operands: { words: ACTIONS, files: true },
  options: OPTIONS,
  examples: [
    "micss channels list",
    "micss channels forget 192.0.2.10",
    "micss channels export > channels.json",
    "micss channels import channels.json",
  ],
  run([action, ...args], output) {
    const known = ACTIONS.find((one) => one === action);
    if (known === undefined) throw new UsageError([`${SUBJECT}: ${unknownAction(action)}`]);
    const { value, rest } = takePositional(`${SUBJECT} ${known}`, OPTIONS, args);
    const flags = readFlags(`${SUBJECT} ${known}`, OPTIONS, rest);
    const path = flags.get("database")?.value as string | undefined ?? systemDatabasePath();
    const given = { value, json: flags.has("json"), all: flags.has("all") };
    try {
      return Promise.resolve(actions[known](path, given, output));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      output.err(`${SUBJECT}: ${path}: ${error.message}\n`);
      return Promise.resolve(1);
    }
  },
};

/** Arguments after the action. */
interface Arguments {
  readonly value: string | undefined;
  readonly json: boolean;
  readonly all: boolean;
}

const actions: Readonly<Record<typeof ACTIONS[number], (path: string, given: Arguments, output: Output) => number>> = {
  list(path, given, output) {
    rejectStray("list", given, { json: true });
    const entries = entriesOf(path);
    if (given.json) output.out(formatEntries(entries));
    else if (entries.length > 0) output.out(table(entries, Date.now()));
    else output.err(`no learned channels in ${path}\n`);
    return 0;
  },

  export(path, given, output) {
    rejectStray("export", given, {});
    output.out(formatEntries(entriesOf(path)));
    return 0;
  },

  forget(path, given, output) {
    rejectStray("forget", given, { value: true, all: true });
    const { value, all } = given;
    if ((value === undefined) !== all) {
      const problem = all ? "both an address and --all" : "no address";
      throw new UsageError([`${SUBJECT} forget: ${problem} given; give either an address or --all`]);
    }
    if (value !== undefined && !isIp(value)) {
      throw new UsageError([
        `${SUBJECT} forget: ${quote(value)}: not an IP address; write one as micss channels list shows it`,
      ]);
    }
    const count = exists(path) ? forget(path, value) : 0;
    output.err(`${count} forgotten\n`);
    return value !== undefined && count === 0 ? 1 : 0;
  },

  import(path, given, output) {
    rejectStray("import", given, { value: true });
    if (given.value === undefined) {
      throw new UsageError([`${SUBJECT} import: no file given; write micss channels import FILE`]);
    }
    const entries = readEntries(given.value);
    const valid = entries.filter((entry) => isValid(entry, Date.now()));
    using database = new Database(path, { patience: LOCK_TIMEOUT });
    database.put(valid);
    const expired = entries.length - valid.length;
    output.err(`${valid.length} imported${expired === 0 ? "" : `, ${expired} expired and skipped`}\n`);
    return 0;
  },
};

function unknownAction(action: string | undefined): string {
  if (action === undefined) return `no action given; write ${SUBJECT} ${ACTIONS.join("|")}`;
  const suggestion = nearest(action, ACTIONS);
  const hint = suggestion === undefined ? `write ${SUBJECT} ${ACTIONS.join("|")}` : `did you mean ${suggestion}?`;
  return `${quote(action)}: unknown action; ${hint}`;
}

/** @throws {UsageError} On an argument or flag that the action does not take. */
function rejectStray(action: string, given: Arguments, takes: { [K in keyof Arguments]?: true }): void {
  const { value, json, all } = given;
  const stray = value !== undefined && !takes.value ? quote(value) : json && !takes.json ? "--json" : undefined;
  const rejected = stray ?? (all && !takes.all ? "--all" : undefined);
  if (rejected !== undefined) {
    throw new UsageError([`${SUBJECT} ${action}: ${rejected}: not accepted here; see ${SUBJECT} --help`]);
  }
}

function entriesOf(path: string): DatabaseEntry[] {
  if (!exists(path)) return [];
  using database = new Database(path, { create: false, patience: LOCK_TIMEOUT });
  return database.list();
}

function forget(path: string, address: string | undefined): number {
  using database = new Database(path, { create: false, patience: LOCK_TIMEOUT });
  return database.forget(address && canonicalHost(address));
}

function readEntries(path: string): DatabaseEntry[] {
  try {
    return parseEntries(readDataFile(path), Date.now());
  } catch (error) {
    if (error instanceof FileError) throw new UsageError([`${SUBJECT} import: ${quote(path)}: ${error.message}`]);
    if (error instanceof EntryError) {
      // A line number follows the file name directly, a field after a space.
      throw new UsageError([`micss: ${path}:${/^\d/.test(error.message) ? "" : " "}${error.message}`]);
    }
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** Formats entries as a table. */
function table(entries: readonly DatabaseEntry[], now: number): string {
  const rows = entries.map((entry) => [
    entry.address,
    entry.source,
    entry.key ?? "-",
    formatTime(entry.learned),
    entry.expires === null ? "never" : formatTime(entry.expires) + (isValid(entry, now) ? "" : " (expired)"),
    listed(entry).replaceAll(",", " "),
  ]);
  const all = [["ADDRESS", "FROM", "KEY", "LEARNED", "EXPIRES", "CHANNELS"], ...rows];
  return `${columns(all, all[0]!.map(() => "left"), "  ").join("\n")}\n`;
}

function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+/, "");
}

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
import type { Command, Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { takePositional } from "./positional.ts";

const ACTIONS = ["list", "forget", "import", "export"] as const;
const SUBJECT = "micss channels";

/** How long to wait for another process that holds the database, in milliseconds. */
const PATIENCE = 5_000;

const OPTIONS: readonly Option[] = [
  { flag: "json", doc: "list: for programs, as export writes it" },
  { flag: "all", doc: "forget: everything" },
  ...optionsOf({ database: clientIdentifySchema.database }).map((option) => ({
    ...option,
    doc: "The database; else $XDG_STATE_HOME/micss/channels.db, for root /var/lib/micss/channels.db, for others " +
      "~/.local/state/micss/channels.db",
  })),
];

/** `micss channels`. */
export const command: Command = {
  name: "channels",
  summary: "Lists, forgets, imports or exports what was learned of servers' channels",
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
      return Promise.resolve(runs[known](path, given, output));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      output.err(`${SUBJECT}: ${path}: ${error.message}\n`);
      return Promise.resolve(1);
    }
  },
};

/** What follows the action. */
interface Given {
  readonly value: string | undefined;
  readonly json: boolean;
  readonly all: boolean;
}

const runs: Readonly<Record<typeof ACTIONS[number], (path: string, given: Given, output: Output) => number>> = {
  list(path, given, output) {
    checkGiven("list", given, { json: true });
    const entries = entriesOf(path);
    if (given.json) output.out(formatEntries(entries));
    else if (entries.length > 0) output.out(table(entries, Date.now()));
    else output.err(`nothing was learned yet, says ${path}\n`);
    return 0;
  },

  export(path, given, output) {
    checkGiven("export", given, {});
    output.out(formatEntries(entriesOf(path)));
    return 0;
  },

  forget(path, given, output) {
    checkGiven("forget", given, { value: true, all: true });
    const { value, all } = given;
    if ((value === undefined) !== all) {
      throw new UsageError([`${SUBJECT} forget: nothing in particular; write an address, or --all`]);
    }
    if (value !== undefined && !isIp(value)) {
      throw new UsageError([
        `${SUBJECT} forget: ${quote(value)} is no IP address; write one as micss channels list does`,
      ]);
    }
    const count = exists(path) ? forget(path, value) : 0;
    output.err(`${count} forgotten\n`);
    return value !== undefined && count === 0 ? 1 : 0;
  },

  import(path, given, output) {
    checkGiven("import", given, { value: true });
    if (given.value === undefined) {
      throw new UsageError([`${SUBJECT} import: no file; write micss channels import FILE`]);
    }
    const entries = readEntries(given.value);
    const valid = entries.filter((entry) => isValid(entry, Date.now()));
    using database = new Database(path, { patience: PATIENCE });
    database.put(valid);
    const expired = entries.length - valid.length;
    output.err(`${valid.length} imported${expired === 0 ? "" : `, ${expired} left out that have expired`}\n`);
    return 0;
  },
};

function unknownAction(action: string | undefined): string {
  if (action === undefined) return `nothing to do; write ${SUBJECT} ${ACTIONS.join("|")}`;
  const meant = nearest(action, ACTIONS);
  const hint = meant === undefined ? `write ${SUBJECT} ${ACTIONS.join("|")}` : `did you mean ${meant}?`;
  return `${quote(action)} is nothing to do; ${hint}`;
}

/** @throws {UsageError} When something was given that the action does not take. */
function checkGiven(action: string, given: Given, takes: { [K in keyof Given]?: true }): void {
  const { value, json, all } = given;
  const stray = value !== undefined && !takes.value ? quote(value) : json && !takes.json ? "--json" : undefined;
  const what = stray ?? (all && !takes.all ? "--all" : undefined);
  if (what !== undefined) throw new UsageError([`${SUBJECT} ${action}: ${what}: not for this; see ${SUBJECT} --help`]);
}

function entriesOf(path: string): DatabaseEntry[] {
  if (!exists(path)) return [];
  using database = new Database(path, { create: false, patience: PATIENCE });
  return database.list();
}

function forget(path: string, address: string | undefined): number {
  using database = new Database(path, { create: false, patience: PATIENCE });
  return database.forget(address && canonicalHost(address));
}

function readEntries(path: string): DatabaseEntry[] {
  try {
    return parseEntries(readDataFile(path), Date.now());
  } catch (error) {
    if (error instanceof FileError) throw new UsageError([`${SUBJECT} import: ${quote(path)}: ${error.message}`]);
    if (error instanceof EntryError) {
      // A line belongs to the file's name, a field does not.
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

/** A table for people. */
function table(entries: readonly DatabaseEntry[], now: number): string {
  const rows = entries.map((entry) => [
    entry.address,
    entry.source,
    entry.key ?? "-",
    time(entry.learned),
    entry.expires === null ? "never" : time(entry.expires) + (isValid(entry, now) ? "" : " (expired)"),
    listed(entry).replaceAll(",", " "),
  ]);
  const all = [["ADDRESS", "FROM", "KEY", "LEARNED", "EXPIRES", "CHANNELS"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd();
  return `${all.map(line).join("\n")}\n`;
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+/, "");
}

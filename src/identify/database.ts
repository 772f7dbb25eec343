import { MicssError } from "../errors/errors.ts";
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { environment } from "../config/environment.ts";
import { type DatabaseEntry, EntryError, entryFromJson, type EntryJson, entryToJson } from "./entry.ts";

/** The database can't be used. Message: "what is wrong; what would be right", without the path. */
export class DatabaseError extends MicssError {}

/** SQLite application id: "MICS". */
const APPLICATION_ID = 0x4d494353;

/** Version of the table. */
const VERSION = 1;

const TABLE = `CREATE TABLE channels (
  address TEXT PRIMARY KEY,
  entry TEXT NOT NULL, -- as JSON
  sum TEXT NOT NULL -- SHA-256 of entry: SQLite does not see that a byte of a text has changed
) STRICT, WITHOUT ROWID`;

/** Options of {@linkcode Database}. */
export interface DatabaseOptions {
  /** Create the database if it does not exist. Default: true. */
  readonly create?: boolean;
  /** Time to wait for another writing process, in milliseconds; blocks the event loop. Default: 500. */
  readonly patience?: number;
}

/**
 * Local database of learned channels (paper, section III-C): one SQLite file that several processes may use at once, and
 * that keeps its old contents if a write is interrupted by a crash. Its contents decide where connections go, so only its
 * owner may access it, and a damaged file is not used at all.
 *
 * Reads take microseconds, writes a few milliseconds. All operations throw {@linkcode DatabaseError}.
 */
export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #put: StatementSync;

  /** Opens the file; creates it, its directory and its table if missing. */
  constructor(path: string, { create = true, patience = 500 }: DatabaseOptions = {}) {
    if (create) makePrivate(path);
    checkPrivate(path);
    this.#database = explained(() => new DatabaseSync(path));
    try {
      explained(() => {
        this.#database.exec(`PRAGMA busy_timeout = ${patience}; PRAGMA synchronous = FULL`);
        this.#prepareTable();
      });
      this.#find = explained(() => this.#database.prepare("SELECT * FROM channels WHERE address = ?"));
      this.#put = explained(() => this.#database.prepare("INSERT OR REPLACE INTO channels VALUES (?, ?, ?)"));
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** The entry of an address, valid or not. */
  find(address: string): DatabaseEntry | undefined {
    const row = explained(() => this.#find.get(address));
    return row && entryOf(row);
  }

  /** All entries, by address. */
  list(): DatabaseEntry[] {
    return explained(() => this.#database.prepare("SELECT * FROM channels ORDER BY address").all())
      .map(entryOf);
  }

  /** Stores entries, all or none, replacing earlier ones of the same addresses. */
  put(entries: readonly DatabaseEntry[]): void {
    this.#transaction(() => {
      for (const entry of entries) {
        const text = JSON.stringify(entryToJson(entry));
        this.#put.run(entry.address, text, sumOf(text));
      }
    });
  }

  /** Deletes the entry of an address, or all. @returns Number of deleted entries. */
  forget(address?: string): number {
    const { changes } = explained(() =>
      address === undefined
        ? this.#database.prepare("DELETE FROM channels").run()
        : this.#database.prepare("DELETE FROM channels WHERE address = ?").run(address)
    );
    return Number(changes);
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }

  /** {@linkcode Database.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #prepareTable(): void {
    // Take the write lock first: another process may be creating the table, too.
    this.#transaction(() => {
      const id = this.#pragma("application_id");
      if (id === 0 && this.#isEmpty()) {
        this.#database.exec(`${TABLE}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}`);
      } else if (id !== APPLICATION_ID) throw new DatabaseError("belongs to another program; give another file");
    });
    const version = this.#pragma("user_version");
    if (version !== VERSION) {
      throw new DatabaseError(`has version ${version}, expected ${VERSION}; give another file`);
    }
    if (this.#pragma("quick_check(1)") !== "ok") throw damaged();
  }

  #isEmpty(): boolean {
    return this.#database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  }

  #pragma(pragma: string): unknown {
    return Object.values(this.#database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  }

  #transaction(action: () => void): void {
    explained(() => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        action();
        this.#database.exec("COMMIT");
      } catch (error) {
        // After some errors SQLite has already rolled back.
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }
}

/**
 * Default path of this process's database.
 *
 * @throws {UsageError} If the environment names a directory that is not UTF-8.
 */
export function systemDatabasePath(): string {
  return defaultDatabasePath(environment, Deno.uid());
}

/** Default path of a user's database; `uid` 0 is root. */
export function defaultDatabasePath(env: (name: string) => string | undefined, uid: number | null): string {
  const state = env("XDG_STATE_HOME");
  if (state !== undefined && state.startsWith("/")) return `${state}/micss/channels.db`;
  const home = env("HOME");
  return uid === 0 || home === undefined ? "/var/lib/micss/channels.db" : `${home}/.local/state/micss/channels.db`;
}

function makePrivate(path: string): void {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite would apply the umask. It gives its journal the permissions of the database.
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw new DatabaseError(explain(error));
  }
}

function checkPrivate(path: string): void {
  const { size, mode } = statOf(path);
  // SQLite takes a file shorter than a page for an empty one.
  if (size > 0 && size < 512) throw damaged();
  if ((mode & 0o077) !== 0) {
    throw new DatabaseError(`accessible to users other than its owner; check its contents, then chmod 600 ${path}`);
  }
  // A journal planted next to it would make SQLite write to the database.
  if ((statOf(dirname(path)).mode & 0o022) !== 0) {
    throw new DatabaseError("other users can write to its directory; use a private one");
  }
}

/** Size and permissions; none on systems without permissions. */
function statOf(path: string): { size: number; mode: number } {
  try {
    const { size, mode, isDirectory } = Deno.statSync(path);
    return { size: isDirectory ? 0 : size, mode: mode ?? 0 };
  } catch (error) {
    throw new DatabaseError(explain(error));
  }
}

function entryOf({ address, entry: text, sum }: Record<string, unknown>): DatabaseEntry {
  try {
    if (typeof text === "string" && sumOf(text) === sum) {
      const entry = entryFromJson(JSON.parse(text) as EntryJson, 0);
      if (entry.address === address) return entry;
    }
  } catch (error) {
    if (!(error instanceof EntryError || error instanceof SyntaxError)) throw error;
  }
  throw damaged();
}

function sumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function damaged(): DatabaseError {
  return new DatabaseError("damaged, not used; delete it, as its contents can be learned again");
}

/** Runs an SQLite operation, and explains its errors to users. */
function explained<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof DatabaseError) throw error;
    throw new DatabaseError(explain(error), { cause: error });
  }
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Deno.errors.NotFound) return "no such file or directory; give the path of a file";
  if (/not a database|malformed|corrupt/i.test(message)) return damaged().message;
  if (/is locked|busy/i.test(message)) return "locked for too long by another process; end that process";
  if (/readonly|permission denied|unable to open/i.test(message)) {
    return "not writable; give this user its own file and directory";
  }
  return `${message.replace(/ \(os error \d+\).*$/, "")}; give another file`;
}

import { createHash } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { environment } from "../config/environment.ts";
import { type Entry, EntryError, entryFromJson, type EntryJson, entryToJson } from "./entry.ts";

/** The database can't be used; the message is "what is wrong; what would be right", without the path. */
export class DatabaseError extends Error {
  /** Tells the class in a stack trace. */
  override name = "DatabaseError";
}

/** Marks a SQLite file as ours: "MICS". */
const APPLICATION_ID = 0x4d494353;

/** The version of the table. */
const VERSION = 1;

const TABLE = `CREATE TABLE channels (
  address TEXT PRIMARY KEY,
  entry TEXT NOT NULL, -- as JSON
  sum TEXT NOT NULL -- SHA-256 of entry: SQLite does not see that a byte of a text has changed
) STRICT, WITHOUT ROWID`;

/** How {@linkcode Database} opens. */
export interface DatabaseOptions {
  /** Whether to make it where it is not there. Default: true. */
  readonly create?: boolean;
  /** How long to wait for another process that writes, in milliseconds; nothing else runs meanwhile. Default: 500. */
  readonly patience?: number;
}

/**
 * The local database of the channels that were learned (paper, section III-C): one SQLite file that several processes may
 * use at once, and that survives a crash in the middle of a write as it was before. What it holds decides where
 * connections go, so only its owner may get at it, and nothing of a file that was damaged is used.
 *
 * Every operation takes microseconds, a write a few milliseconds. All throw {@linkcode DatabaseError}.
 */
export class Database implements Disposable {
  readonly #database: DatabaseSync;
  readonly #find: StatementSync;
  readonly #put: StatementSync;

  /** Opens the file, and makes it, its directory, and its table where they are not there. */
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

  /** What was learned about an address, valid or not. */
  find(address: string): Entry | undefined {
    const row = explained(() => this.#find.get(address));
    return row && entryOf(row);
  }

  /** All entries, by address. */
  list(): Entry[] {
    return explained(() => this.#database.prepare("SELECT * FROM channels ORDER BY address").all())
      .map(entryOf);
  }

  /** Keeps entries, all or none, in place of what was known of their addresses. */
  put(entries: readonly Entry[]): void {
    this.#transaction(() => {
      for (const entry of entries) {
        const text = JSON.stringify(entryToJson(entry));
        this.#put.run(entry.address, text, sumOf(text));
      }
    });
  }

  /** Forgets an address, or all. @returns How many there were. */
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
    // A write lock from the start: another process may be about to do the same.
    this.#transaction(() => {
      const id = this.#pragma("application_id");
      if (id === 0 && this.#isEmpty()) {
        this.#database.exec(`${TABLE}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}`);
      } else if (id !== APPLICATION_ID) throw new DatabaseError("a database of another program; give another file");
    });
    const version = this.#pragma("user_version");
    if (version !== VERSION) {
      throw new DatabaseError(`of version ${version}, this program knows ${VERSION}; give another file`);
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
        // After some errors SQLite has taken all back by itself.
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }
}

/**
 * Where this process's database is where nobody says otherwise.
 *
 * @throws {UsageError} When the environment names a directory that is not UTF-8.
 */
export function systemDatabasePath(): string {
  return defaultDatabasePath(environment, Deno.uid());
}

/** Where the database of a user is where nobody says otherwise; `uid` 0 is root. */
export function defaultDatabasePath(env: (name: string) => string | undefined, uid: number | null): string {
  const state = env("XDG_STATE_HOME");
  if (state !== undefined && state.startsWith("/")) return `${state}/micss/channels.db`;
  const home = env("HOME");
  return uid === 0 || home === undefined ? "/var/lib/micss/channels.db" : `${home}/.local/state/micss/channels.db`;
}

function makePrivate(path: string): void {
  try {
    Deno.mkdirSync(directoryOf(path), { recursive: true, mode: 0o700 });
    // SQLite would let the umask decide. It gives its journal the permissions of the database.
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw new DatabaseError(explain(error));
  }
}

function checkPrivate(path: string): void {
  const { size, mode } = statOf(path);
  // SQLite takes what is less than a page for nothing.
  if (size > 0 && size < 512) throw damaged();
  if ((mode & 0o077) !== 0) {
    throw new DatabaseError(`others than its owner can get at it; look at what it holds, then chmod 600 ${path}`);
  }
  // Who puts a journal beside it has SQLite write into it.
  if ((statOf(directoryOf(path)).mode & 0o022) !== 0) {
    throw new DatabaseError("others can write to its directory; give it one of its own");
  }
}

/** Size and permissions; none where the system has none. */
function statOf(path: string): { size: number; mode: number } {
  try {
    const { size, mode, isDirectory } = Deno.statSync(path);
    return { size: isDirectory ? 0 : size, mode: mode ?? 0 };
  } catch (error) {
    throw new DatabaseError(explain(error));
  }
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash + 1);
}

function entryOf({ address, entry: text, sum }: Record<string, unknown>): Entry {
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
  return new DatabaseError("damaged, and not used; delete it, what it held can be learned again");
}

/** Runs an operation of SQLite's, and says what its error means to whoever runs the program. */
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
  if (/is locked|busy/i.test(message)) return "another process has held it for too long; end that one";
  if (/readonly|permission denied|unable to open/i.test(message)) {
    return "can't be written; give this user a file and a directory of its own";
  }
  return `${message.replace(/ \(os error \d+\).*$/, "")}; give another file`;
}

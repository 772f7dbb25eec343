import { formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "../log/log.ts";
import { Database, DatabaseError, type DatabaseOptions } from "./database.ts";
import type { DatabaseEntry } from "./entry.ts";

/** Pause before retrying an unusable database, in milliseconds. */
const PAUSE = 60_000;

/** Maximum number of entries in memory while the database is unusable. */
const MAX_KEPT = 1024;

/** The part of a database that {@linkcode Store} uses; tests replace it. */
export type EntryDatabase = Pick<Database, "find" | "put" | "close">;

/** Opens the database of {@linkcode Store}. @throws {DatabaseError} */
export type OpenDatabase = (path: string, options: DatabaseOptions) => EntryDatabase;

/**
 * Learned channels of a handler: in the local database, opened on first use, and in memory while that is unusable, which is
 * logged. Changes by other processes take effect at once.
 */
export class Store {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #open: OpenDatabase;
  readonly #memory = new Map<string, DatabaseEntry>();
  #database: EntryDatabase | undefined;
  #failure: { readonly reason: string; readonly until: number } | undefined;

  /** Creates a store without opening its database. */
  constructor(
    path: string,
    clock: Clock,
    log: Log,
    open: OpenDatabase = (path, options) => new Database(path, options),
  ) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#open = open;
  }

  /** Reason for which the database's contents are unknown at the moment; undefined if they are known. */
  get unusable(): string | undefined {
    return this.#failure?.reason;
  }

  /** The entry of an address, valid or not. Creates no database. */
  find(address: string): DatabaseEntry | undefined {
    return this.#memory.get(address) ?? this.#use(false, (database) => database.find(address));
  }

  /** Stores an entry. */
  keep(entry: DatabaseEntry): void {
    const kept = this.#use(true, (database) => {
      database.put([entry]);
      return true;
    });
    this.#memory.delete(entry.address);
    if (kept) return;
    this.#memory.set(entry.address, entry);
    const [oldest] = this.#memory.keys();
    if (this.#memory.size > MAX_KEPT) this.#memory.delete(oldest!);
  }

  /** Closes the database. */
  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  #use<T>(create: boolean, action: (database: EntryDatabase) => T): T | undefined {
    if (this.#failure !== undefined && this.#clock.now() < this.#failure.until) return undefined;
    try {
      if (this.#database === undefined && !create && !exists(this.#path)) {
        this.#failure = undefined;
        return undefined;
      }
      this.#database ??= this.#open(this.#path, { create });
      const result = action(this.#database);
      this.#failure = undefined;
      return result;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.#log.error("database not used", { path: this.#path, reason: error.message });
      this.#failure = { reason: error.message, until: this.#clock.now() + PAUSE };
      this.close();
      return undefined;
    }
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    // Opening it explains anything else.
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

/** An entry's channels as a log field. */
export function listed({ channels }: Pick<DatabaseEntry, "channels">): string {
  return channels.map(formatAddress).join();
}

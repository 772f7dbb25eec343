import { formatAddress } from "../net/address.ts";
import type { Clock } from "../net/clock.ts";
import type { Log } from "../observe/log.ts";
import { Database, DatabaseError, type DatabaseOptions } from "./database.ts";
import type { Entry } from "./entry.ts";

/** How long a database that can't be used is left alone, in milliseconds. */
const PAUSE = 60_000;

/** How many entries are kept in memory while the database can't take them. */
const MOST_KEPT = 1024;

/** What {@linkcode Store} needs of a database; tests put another in its place. */
export type EntryDatabase = Pick<Database, "find" | "put" | "close">;

/** How {@linkcode Store} gets at its database. @throws {DatabaseError} */
export type OpenDatabase = (path: string, options: DatabaseOptions) => EntryDatabase;

/**
 * What a handler has learned: in the local database, which is opened when it is first needed, and in memory while that
 * can't be used, which is logged. What other processes change in the database holds at once.
 */
export class Store {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #open: OpenDatabase;
  readonly #memory = new Map<string, Entry>();
  #database: EntryDatabase | undefined;
  #failure: { readonly reason: string; readonly until: number } | undefined;

  /** A store that has not opened its database yet. */
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

  /** Why nobody knows at the moment what the database holds; undefined when somebody does. */
  get unusable(): string | undefined {
    return this.#failure?.reason;
  }

  /** What was learned about an address, valid or not. Makes no database where there is none. */
  find(address: string): Entry | undefined {
    return this.#memory.get(address) ?? this.#use(false, (database) => database.find(address));
  }

  /** Keeps what was learned. */
  keep(entry: Entry): void {
    const kept = this.#use(true, (database) => {
      database.put([entry]);
      return true;
    });
    this.#memory.delete(entry.address);
    if (kept) return;
    this.#memory.set(entry.address, entry);
    const [oldest] = this.#memory.keys();
    if (this.#memory.size > MOST_KEPT) this.#memory.delete(oldest!);
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
    // Whatever else is there is for opening it to explain.
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

/** An entry's channels in a log line. */
export function listed({ channels }: Pick<Entry, "channels">): string {
  return channels.map(formatAddress).join();
}

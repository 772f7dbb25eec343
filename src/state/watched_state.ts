import type { KnownClient } from "../authenticate/client_directory.ts";
import { importKey, type Key } from "../identify/key.ts";
import type { Log } from "../log/log.ts";
import type { Clock } from "../time/clock.ts";
import type { DamagedFile, ServerState } from "./server_state.ts";
import { stateError } from "./state_error.ts";

/** Pause between looks at the directory, in milliseconds. */
const INTERVAL = 1000;

/** Age below which a change may hide another one of the same time, in milliseconds: file systems have coarse clocks. */
const RECENT = 2000;

/** Contents of a server's state directory at one time. */
export interface StateContents {
  /** Clients must authenticate. */
  readonly required: boolean;
  /** Clients that joined, by name. */
  readonly clients: readonly KnownClient[];
  /** The server's key, able to sign; null if there is none. */
  readonly key: Key | null;
  /** Files that can't be used. */
  readonly damaged: readonly DamagedFile[];
}

/** Reads the contents of a state directory; empty if it does not exist. @throws {StateError} */
export async function readContents(state: ServerState): Promise<StateContents> {
  const { clients: records, damaged } = state.clients();
  const clients = await Promise.all(records.map(async ({ name, key, ports }) => {
    return { name, key: await importKey(key), ports, sessions: null };
  }));
  return { required: state.required, clients, key: await state.key(), damaged };
}

/** Options of {@linkcode WatchedState}. */
export interface WatchedStateOptions {
  /** Paces the looks. */
  readonly clock: Clock;
  /** Receives a line for each file that can't be used. */
  readonly log: Log;
  /** Time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
}

/**
 * The contents of a server's state directory, read again within a second of each change to its clients. Once clients had to
 * authenticate, they have to until the process ends, whatever becomes of the directory.
 */
export class WatchedState implements Disposable {
  readonly #state: ServerState;
  readonly #options: WatchedStateOptions;
  #contents: StateContents;
  /** Identity and time of the directory's last change, as last seen. */
  #stamp = "";
  #recent = false;
  #problem = "";
  #changed: () => void = () => {};
  #cancel: () => void = () => {};
  #closed = false;
  #running: Promise<void> = Promise.resolve();
  /** A look that has not begun. */
  #waiting: Promise<void> | null = null;

  /** Looks at nothing yet. @param contents As last read. */
  constructor(state: ServerState, contents: StateContents, options: WatchedStateOptions) {
    this.#state = state;
    this.#options = options;
    this.#contents = contents;
  }

  /** Watches from now on. @param changed Called after a change by this or another process. */
  watch(changed: () => void): void {
    this.#changed = changed;
    this.#report(this.#contents);
    this.#schedule();
  }

  /** The contents as last read. */
  get contents(): StateContents {
    return this.#contents;
  }

  /** Reads the contents again if they have changed. Calls at the same time share one look. Never rejects. */
  refresh(): Promise<void> {
    if (this.#waiting !== null) return this.#waiting;
    this.#waiting = this.#running.then(() => {
      this.#waiting = null;
      return this.#refresh();
    });
    return this.#running = this.#waiting;
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.after(INTERVAL, async () => {
      await this.refresh();
      if (!this.#closed) this.#schedule();
    });
  }

  async #refresh(): Promise<void> {
    if (!this.#look() && !this.#recent && this.#problem === "") return;
    try {
      const contents = await readContents(this.#state);
      this.#problem = "";
      const next = { ...contents, required: contents.required || this.#contents.required };
      if (this.#closed || textOf(next) === textOf(this.#contents)) return;
      this.#contents = next;
      this.#report(next);
      this.#changed();
    } catch (error) {
      const { path, message: reason } = stateError(this.#state.path, error);
      if (reason !== this.#problem) this.#options.log.error("state directory not read", { path, reason });
      this.#problem = reason;
    }
  }

  /** Looks at the time of the directory's last change. @returns True if it is another one. */
  #look(): boolean {
    const { now = Date.now } = this.#options;
    let stamp = "", mtime = -Infinity;
    try {
      const info = Deno.statSync(this.#state.clientsDirectory);
      mtime = info.mtime?.getTime() ?? now();
      stamp = `${info.ino} ${mtime}`;
    } catch {
      // Reading it tells the reason.
    }
    const changed = stamp !== this.#stamp;
    this.#stamp = stamp;
    this.#recent = Math.abs(now() - mtime) < RECENT;
    return changed;
  }

  #report({ damaged }: StateContents): void {
    for (const { path, reason } of damaged) this.#options.log.error("client not admitted", { path, reason });
  }
}

/** The same for the same contents. */
function textOf({ required, clients, key, damaged }: StateContents): string {
  const list = clients.map(({ name, key, ports }) => [name, key.id.toHex(), ports]);
  return JSON.stringify([required, list, key?.id.toHex(), damaged]);
}

import type { ClientDirectory } from "../authenticate/client_directory.ts";
import type { ServerConfig } from "../config/types.ts";
import { UsageError } from "../config/problems.ts";
import type { Key } from "../identify/key.ts";
import type { Log } from "../log/log.ts";
import type { Address } from "../net/address.ts";
import type { ServerReloadOptions } from "../server/handler.ts";
import { isStateConfigured, systemStateDirectory } from "../state/place.ts";
import { publicAddresses } from "../state/public_addresses.ts";
import { ServerState } from "../state/server_state.ts";
import { StateClients } from "../state/state_clients.ts";
import { StateError } from "../state/state_error.ts";
import { readContents, type StateContents, WatchedState } from "../state/watched_state.ts";
import { type Clock, systemClock } from "../time/clock.ts";

/** A server's state directory, and its contents at one time. */
export interface LoadedState {
  readonly state: ServerState;
  readonly contents: StateContents;
}

/** Reads a server's state directory. @throws {UsageError} If it can't be read. */
export async function loadState({ state: path }: Pick<ServerConfig, "state">): Promise<LoadedState> {
  const state = new ServerState(path ?? systemStateDirectory());
  try {
    return { state, contents: await readContents(state) };
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new UsageError([`micss server: state ${error.path}: ${error.message}`]);
  }
}

/** Parts of a loaded configuration from which a server's clients follow. */
export interface LoadedClients {
  readonly config: ServerConfig;
  /** Keys of the configuration. */
  readonly keys: readonly Key[];
  /** Clients of the configuration. */
  readonly clients: ClientDirectory;
}

/** Options of {@linkcode ServerClients}. */
export interface ServerClientsOptions {
  /** Receives a line for each client that is not admitted. */
  readonly log: Log;
  /** Paces the looks at the state directory. Default: the system's. */
  readonly clock?: Clock;
  /** Time of day, in milliseconds since 1970. Default: the system's. */
  readonly now?: () => number;
}

/** A server's configured clients and those of its state directory, as they change. */
export class ServerClients {
  readonly #state: ServerState;
  readonly #watched: WatchedState;
  readonly #log: Log;
  readonly #now: () => number;
  #loaded: LoadedClients;

  /** Watches nothing yet. */
  constructor(loaded: LoadedClients & LoadedState, { log, clock = systemClock, now = Date.now }: ServerClientsOptions) {
    this.#loaded = loaded;
    this.#log = log;
    this.#state = loaded.state;
    this.#now = now;
    this.#watched = new WatchedState(loaded.state, loaded.contents, { clock, log });
  }

  /**
   * Watches the state directory until the result is disposed of, or the process ends.
   *
   * @param changed Called with what the handler is to use from now on.
   */
  watch(changed: (options: ServerReloadOptions) => void): Disposable {
    this.#watched.watch(() => changed(this.options));
    return this.#watched;
  }

  /** True if clients must authenticate by the state directory. */
  get required(): boolean {
    return this.#watched.contents.required;
  }

  /** Configuration, keys and clients for the handler. */
  get options(): ServerReloadOptions {
    const { config, keys, clients: configured } = this.#loaded, { contents } = this.#watched;
    const { clients = [] } = config;
    return {
      config,
      keys,
      identity: contents.key,
      clients: new StateClients(contents, {
        configured,
        names: clients === "anyone" ? clients : clients.map(({ name }) => name),
        state: this.#state,
        refresh: () => this.#watched.refresh(),
        now: this.#now,
        log: this.#log,
      }),
    };
  }

  /**
   * Replaces the configuration.
   *
   * @returns What the handler is to use from now on, and the settings that need a restart.
   */
  reload(loaded: LoadedClients & LoadedState): { options: ServerReloadOptions; restartNeeded: string[] } {
    this.#loaded = loaded;
    void this.#watched.refresh();
    return { options: this.options, restartNeeded: loaded.state.path === this.#state.path ? [] : ["state"] };
  }

  /**
   * Keeps the addresses of the channels for invitations, if the state directory is in use; warns if that is not possible.
   *
   * @param channels Addresses where the server listens.
   */
  keepAddresses(channels: readonly Address[]): void {
    const { config } = this.#loaded, { required, key } = this.#watched.contents;
    if (!required && key === null && !isStateConfigured(config.state)) return;
    try {
      const addresses = publicAddresses({ channels, announce: config.announce });
      if (addresses !== null) this.#state.keepAddresses(addresses);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      const { path, message: reason, hint } = error;
      this.#log.warn("no client can join", { path, reason, hint });
    }
  }
}

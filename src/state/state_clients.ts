import type { ClientDirectory, Enrolment, EnrolmentAttempt, KnownClient } from "../authenticate/client_directory.ts";
import type { Log } from "../log/log.ts";
import type { ServerState } from "./server_state.ts";
import { stateError } from "./state_error.ts";
import type { StateContents } from "./watched_state.ts";

/** Options of {@linkcode StateClients}. */
export interface StateClientsOptions {
  /** The clients of the configuration. */
  readonly configured: ClientDirectory;
  /** Their names; "anyone" if the configuration admits all. */
  readonly names: readonly string[] | "anyone";
  /** Keeps clients and invitations. */
  readonly state: ServerState;
  /** Reads the clients again if they have changed, and replaces this directory. Never rejects. */
  readonly refresh: () => Promise<void>;
  /** Time of day, in milliseconds since 1970. */
  readonly now: () => number;
  /** Receives a line for each client that is not admitted, and for each enrolment that fails here. */
  readonly log: Log;
}

/** Clients that joined, with the configured ones. A configured client takes precedence over one of its name or key. */
export class StateClients implements ClientDirectory {
  readonly required: boolean;
  readonly #joined: ReadonlyMap<string, KnownClient>;
  readonly #options: StateClientsOptions;

  /** Combines both. @param contents Contents of the state directory. */
  constructor({ required, clients }: Pick<StateContents, "required" | "clients">, options: StateClientsOptions) {
    const { configured, names, log } = this.#options = options;
    this.required = configured.required || required && names !== "anyone";
    const taken = new Set(names === "anyone" ? [] : names.map((name) => name.toLowerCase()));
    for (const { name } of clients.filter(({ name }) => taken.has(name.toLowerCase()))) {
      log.error("client not admitted", {
        name,
        reason: "a client of this name is configured, too; remove one of them",
      });
    }
    const joined = clients.filter(({ name }) => !taken.has(name.toLowerCase()));
    this.#joined = new Map(joined.map((client) => [client.key.id.toHex(), client]));
  }

  /** Ids of all clients' keys, in hexadecimal. */
  get keys(): readonly string[] {
    return [...this.#options.configured.keys, ...this.#joined.keys()];
  }

  /** Finds the client that has a key. */
  find(id: Uint8Array): KnownClient | null {
    return this.#options.configured.find(id) ?? this.#joined.get(id.toHex()) ?? null;
  }

  /** Looks for clients that another process or worker has just enrolled. */
  async refresh(): Promise<void> {
    await this.#options.refresh();
  }

  /** Enrols a client with an invitation; it is known when this resolves. */
  async enrol(attempt: EnrolmentAttempt): Promise<Enrolment> {
    const { state, now, log, refresh } = this.#options;
    try {
      const enrolment = await state.enrol(attempt, now());
      await refresh();
      return enrolment;
    } catch (error) {
      const { path, message: reason, hint } = stateError(state.path, error);
      log.error("client not enrolled", { path, reason, hint });
      return { refused: "failed" };
    }
  }
}

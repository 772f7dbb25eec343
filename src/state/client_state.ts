import { type KeyText } from "../identify/key.ts";
import { listNames, makeDirectory, readText, removeDurably, writeDurably } from "./files.ts";
import { formatServer, parseServer, type ServerRecord } from "./records.ts";
import { StateError } from "./state_error.ts";

/** A server that this client joined. */
export interface JoinedServer extends ServerRecord {
  readonly client: string;
}

/**
 * State directory of a client: the servers that it joined, with their addresses and keys. All methods throw
 * {@linkcode StateError} where a file can't be read or written.
 */
export class ClientState {
  /** The directory's path. */
  readonly path: string;

  /** Touches no file. */
  constructor(path: string) {
    this.path = path;
  }

  /** All joined servers, by name. */
  servers(): JoinedServer[] {
    return listNames(`${this.path}/servers`).flatMap((name) => this.server(name) ?? []);
  }

  /** A joined server; null if there is none of this name. */
  server(name: string): JoinedServer | null {
    const record = read(`${this.path}/servers/${name}.json`);
    if (record === null) return null;
    const { client } = record;
    if (client === null || record.name !== name) {
      throw new StateError(`${this.path}/servers/${name}.json`, "damaged: not of this name; remove it");
    }
    return { ...record, client };
  }

  /** An attempt to join with an invitation that has not succeeded, as far as is known; null if there was none. */
  attempt(invitation: string): ServerRecord | null {
    return read(this.#attemptPath(invitation));
  }

  /**
   * Keeps an attempt before anything is sent, so that the key of an enrolment whose answer is lost is not lost with it.
   *
   * @returns The attempt that is kept: an earlier one of the same invitation, if there is one.
   */
  begin(record: ServerRecord): ServerRecord {
    makeDirectory(this.path);
    makeDirectory(`${this.path}/joining`);
    const path = this.#attemptPath(record.invitation);
    return writeDurably(path, formatServer(record)) ? record : read(path)!;
  }

  /** Keeps a joined server, and forgets the attempt. It replaces one of the same name and server key. */
  keep(server: JoinedServer): void {
    const directory = `${this.path}/servers`;
    makeDirectory(this.path);
    makeDirectory(directory);
    const existing = this.server(server.name);
    if (existing !== null && !sameKey(existing.serverKey, server.serverKey)) {
      throw new StateError(
        `${directory}/${server.name}.json`,
        `another server named ${server.name} is joined already; give this one another name with --as`,
      );
    }
    writeDurably(`${directory}/${server.name}.json`, formatServer(server), { replace: true });
    removeDurably(this.#attemptPath(server.invitation));
  }

  /** Forgets an attempt that can't succeed any more. */
  forget(invitation: string): void {
    removeDurably(this.#attemptPath(invitation));
  }

  #attemptPath(invitation: string): string {
    return `${this.path}/joining/${invitation}.json`;
  }
}

/** Reports whether two keys are the same. */
export function sameKey(a: KeyText, b: KeyText): boolean {
  return a.material.toHex() === b.material.toHex();
}

function read(path: string): ServerRecord | null {
  const text = readText(path);
  if (text === null) return null;
  try {
    return parseServer(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new StateError(path, `damaged: ${error.message}; remove it, and join again with a new invitation`);
  }
}

import type { Key } from "../identify/key.ts";
import type { Enroll } from "../wire/authenticate.ts";

/** A client that a server knows. */
export interface KnownClient {
  /** Its name, for people. */
  readonly name: string;
  /** One of its keys, able to verify. */
  readonly key: Key;
  /** Ports that it may request; null for all. */
  readonly ports: readonly number[] | null;
  /** Maximum number of its concurrent sessions; null for the limit of all clients. */
  readonly sessions: number | null;
}

/** The reason of a refused enrolment, for the log; the client is not told it. */
export type NotInvited = "unknown" | "used" | "expired" | "altered" | "name-taken" | "failed" | "unsupported";

/** Outcome of an enrolment. */
export type Enrolment = { readonly name: string } | { readonly refused: NotInvited; readonly name?: string };

/** An attempt to enrol with an invitation. */
export interface EnrolmentAttempt extends Pick<Enroll, "publicKey" | "invitation"> {
  /** Verifies the MAC under the invitation's key. */
  readonly verify: (key: Uint8Array<ArrayBuffer>) => Promise<boolean>;
  /** The client, if it has proved its identity in the same association: it may ask for its name again. */
  readonly client: KnownClient | null;
}

/** The clients that a server knows. */
export interface ClientDirectory {
  /** True if only clients that authenticate are admitted. */
  readonly required: boolean;
  /** Ids of all clients' keys, in hexadecimal. */
  readonly keys: readonly string[];
  /** Finds the client that has a key. @param id The key's id, 8 bytes. */
  find(id: Uint8Array): KnownClient | null;
  /** Looks for changes before an unknown key is refused. Absent where there are none. Never rejects. */
  readonly refresh?: () => Promise<void>;
  /** Enrols a client with an invitation. Absent where there are none. Never rejects. */
  readonly enrol?: (attempt: EnrolmentAttempt) => Promise<Enrolment>;
}

/** A directory that admits all clients, without names. */
export const anyone: ClientDirectory = { required: false, keys: [], find: () => null };

/** Clients with fixed keys. */
export class FixedClients implements ClientDirectory {
  readonly required = true;
  readonly #byKey: ReadonlyMap<string, KnownClient>;

  /** Creates it. @param clients One for each key; no key twice. */
  constructor(clients: readonly KnownClient[]) {
    this.#byKey = new Map(clients.map((client) => [client.key.id.toHex(), client]));
  }

  /** Ids of all clients' keys, in hexadecimal. */
  get keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  /** Finds the client that has a key. */
  find(id: Uint8Array): KnownClient | null {
    return this.#byKey.get(id.toHex()) ?? null;
  }
}

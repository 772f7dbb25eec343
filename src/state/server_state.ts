import type { Enrolment, EnrolmentAttempt, KnownClient } from "../authenticate/client_directory.ts";
import { reasonOf } from "../errors/errors.ts";
import {
  formatKey,
  generateEd25519,
  hashOf,
  importKey,
  type Key,
  type KeyText,
  parseKey,
  publicHalf,
} from "../identify/key.ts";
import { toWire } from "../identify/answer.ts";
import type { Address } from "../net/address.ts";
import {
  formatInvitation,
  INVITATION_ID_LENGTH,
  invitationId,
  invitationKey,
  TOKEN_LENGTH,
} from "../wire/invitation.ts";
import { Method } from "../wire/identify.ts";
import { checkDirectory, listNames, makeDirectory, readText, removeDurably, writeDurably } from "./files.ts";
import { lockState } from "./lock.ts";
import {
  type ClientRecord,
  formatAddresses,
  formatClient,
  formatInvitationRecord,
  type InvitationRecord,
  parseAddresses,
  parseClient,
  parseInvitationRecord,
} from "./records.ts";
import { StateError } from "./state_error.ts";

/** Maximum number of open invitations. */
const MAX_INVITATIONS = 1000;

/** Request for an invitation. */
export interface InvitationRequest {
  /** Name of the client. */
  readonly name: string;
  /** Name of the server for the client. */
  readonly server: string;
  /** Addresses of the server's channels. */
  readonly channels: readonly Address[];
  /** Ports that the client may request; null for all. */
  readonly ports: readonly number[] | null;
  /** Time of expiry, in milliseconds since 1970. */
  readonly expires: number;
}

/** A mistake in a file of the state directory, which is not used. */
export interface DamagedFile {
  /** Its path. */
  readonly path: string;
  /** The mistake, in one line. */
  readonly reason: string;
}

/**
 * State directory of a server handler: its key, its clients, and its open invitations. Several processes and workers may
 * use it at once. All methods throw {@linkcode StateError} where a file can't be read or written.
 */
export class ServerState {
  /** The directory's path. */
  readonly path: string;
  readonly #clients: string;
  readonly #invitations: string;

  /** Touches no file. */
  constructor(path: string) {
    this.path = path;
    this.#clients = `${path}/clients`;
    this.#invitations = `${path}/invitations`;
  }

  /** True once someone was invited: clients must authenticate from then on. */
  get required(): boolean {
    return checkDirectory(this.#clients);
  }

  /** True if the directory exists. */
  get exists(): boolean {
    return checkDirectory(this.path);
  }

  /** Directory that changes with the clients. */
  get clientsDirectory(): string {
    return this.#clients;
  }

  /** The server's key, able to sign; null if there is none. */
  async key(): Promise<Key | null> {
    const text = this.#keyText();
    return text && await importKey(text);
  }

  /** Creates the server's key if there is none. */
  async makeKey(): Promise<void> {
    if (this.#keyText() !== null) return;
    makeDirectory(this.path);
    const { secret } = await generateEd25519("");
    writeDurably(`${this.path}/server.key`, formatKey(secret));
  }

  /** Remembers the addresses of the server's channels, for invitations. */
  keepAddresses(channels: readonly Address[]): void {
    makeDirectory(this.path);
    const path = `${this.path}/addresses.json`, text = formatAddresses(channels);
    if (readText(path) !== text) writeDurably(path, text, { replace: true });
  }

  /** Addresses of the server's channels at its last start; null if unknown. */
  addresses(): Address[] | null {
    const path = `${this.path}/addresses.json`, text = readText(path);
    return text === null ? null : parsed(path, () => parseAddresses(text));
  }

  /**
   * Makes an invitation. It replaces an open one for the same client.
   *
   * @returns The line for the client, and whether it replaces an earlier one.
   * @throws {StateError} Also if a client has this name.
   */
  async invite(
    { name, server, channels, ports, expires }: InvitationRequest,
  ): Promise<{ line: string; replaced: boolean }> {
    makeDirectory(this.path);
    // Before the clients' directory, from which a running server learns that it is to use the key.
    await this.makeKey();
    makeDirectory(this.#invitations);
    makeDirectory(this.#clients);
    const { material: serverKey } = await publicHalf(this.#keyText()!);
    using _lock = await lockState(this.path);
    if (this.#isTaken(name)) {
      throw new StateError(
        `${this.#clients}/${name}.json`,
        `${name} is a client already; choose another name, or remove it with micss clients revoke ${name}`,
      );
    }
    const replaced = this.#withdraw(name, Date.now()) > 0;
    if (listNames(this.#invitations).length >= MAX_INVITATIONS) {
      throw new StateError(this.#invitations, `${MAX_INVITATIONS} invitations are open; wait until some expire`);
    }
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_LENGTH));
    const invitation = { server, channels: channels.map((channel) => toWire(channel)!), serverKey, token, expires };
    const line = formatInvitation(invitation);
    this.keepAddresses(channels);
    const record = { id: invitationId(invitation).toHex(), name, key: invitationKey(invitation), ports, expires };
    writeDurably(this.#invitationPath(record.id), formatInvitationRecord(record));
    return { line, replaced };
  }

  /**
   * Enrols a client, if its invitation is open: deletes that durably, so that of several attempts one succeeds, and then
   * keeps the client.
   *
   * A client whose answer was lost may ask again, once it has proved its identity.
   *
   * @param now Time of day, in milliseconds since 1970.
   */
  async enrol({ invitation, publicKey, verify, client }: EnrolmentAttempt, now: number): Promise<Enrolment> {
    const id = invitation.toHex();
    const found = invitation.length === INVITATION_ID_LENGTH ? this.#invitation(id) : null;
    if (found === null) return await this.#usedBy(id, client);
    const { name, ports, expires } = found;
    // Before the expiry is told, even to the log: a stranger who has seen an id learns and changes nothing by it.
    if (!await verify(found.key)) return { refused: "altered", name };
    using _lock = await lockState(this.path);
    if (!removeDurably(this.#invitationPath(id))) return await this.#usedBy(id, client);
    if (now >= expires) return { refused: "expired", name };
    const key = { kind: "micss-ed25519-public-v1", material: publicKey, comment: "" } as const;
    const record: ClientRecord = { name, key, ports, enrolled: now, invitation: id };
    if (this.#isTaken(name) || !writeDurably(this.#clientPath(name), formatClient(record))) {
      return { refused: "name-taken", name };
    }
    return { name };
  }

  /** All clients by name, and the files that can't be used. */
  clients(): { clients: ClientRecord[]; damaged: DamagedFile[] } {
    const clients: ClientRecord[] = [], damaged: DamagedFile[] = [];
    for (const name of listNames(this.#clients)) {
      const path = this.#clientPath(name);
      try {
        const text = readText(path);
        if (text !== null) clients.push(parsed(path, () => parseClient(name, text)));
      } catch (error) {
        damaged.push({ path, reason: reasonOf(error) });
      }
    }
    return { clients, damaged };
  }

  /** All open invitations, expired ones included. */
  invitations(): InvitationRecord[] {
    return listNames(this.#invitations).flatMap((id) => this.#invitation(id) ?? []);
  }

  /** Removes a client, and withdraws its open invitations. @returns What there was. */
  async revoke(name: string): Promise<{ client: boolean; invitations: number }> {
    using _lock = await lockState(this.path);
    const invitations = this.#withdraw(name, -Infinity);
    const stored = listNames(this.#clients).filter((one) => sameName(one, name));
    // A damaged file counts, too.
    return { client: stored.filter((one) => removeDurably(this.#clientPath(one))).length > 0, invitations };
  }

  #keyText(): KeyText | null {
    const path = `${this.path}/server.key`, text = readText(path);
    if (text === null) return null;
    const key = parsed(path, () => parseKey(text));
    if (key.kind !== "micss-ed25519-v1") throw new StateError(path, "not a private Ed25519 key; remove it");
    return key;
  }

  #isTaken(name: string): boolean {
    return listNames(this.#clients).some((one) => sameName(one, name));
  }

  /** Removes a name's invitations, and all that expired before a time. @returns Number of the name's that were open. */
  #withdraw(name: string, expiredBefore: number): number {
    let count = 0;
    for (const invitation of this.invitations()) {
      const open = sameName(invitation.name, name);
      if (!open && invitation.expires >= expiredBefore) continue;
      if (removeDurably(this.#invitationPath(invitation.id)) && open && invitation.expires > Date.now()) count++;
    }
    return count;
  }

  #invitation(id: string): InvitationRecord | null {
    const path = this.#invitationPath(id), text = readText(path);
    return text === null ? null : parsed(path, () => parseInvitationRecord(id, text));
  }

  async #usedBy(id: string, client: KnownClient | null): Promise<Enrolment> {
    const user = this.clients().clients.find(({ invitation }) => invitation === id);
    if (user === undefined) return { refused: "unknown" };
    const { name, key: { material } } = user;
    const itself = client?.key.id.toHex() === (await hashOf(Method.Ed25519, material)).id.toHex();
    return itself ? { name } : { refused: "used", name };
  }

  #clientPath(name: string): string {
    return `${this.#clients}/${name}.json`;
  }

  #invitationPath(id: string): string {
    return `${this.#invitations}/${id}.json`;
  }
}

/** Names that a file system may take for the same one are the same. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** @throws {StateError} Instead of a SyntaxError. */
function parsed<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new StateError(path, `damaged: ${error.message}; remove it`);
  }
}

/** Keys and clients of handlers that authenticate each other, and what attackers make of them. */
import { FixedClients, type KnownClient } from "../../../src/authenticate/client_directory.ts";
import { type Credentials, credentialsFor } from "../../../src/authenticate/credentials.ts";
import type { Association } from "../../../src/association/association.ts";
import { type Exchange, prove } from "../../../src/authenticate/proof.ts";
import type { Key } from "../../../src/identify/key.ts";
import { ProofSide, toHead } from "../../../src/wire/authenticate.ts";
import { FrameType } from "../../../src/wire/frame.ts";
import { encode } from "../../../src/wire/frame_encoder.ts";
import { FramePeer } from "./frame_peer.ts";
import { makeKey, type Pair } from "./keys.ts";

/** A client as a server knows it. @param key As {@linkcode makeKey} made it for the client's own use: `server` signs. */
export function known(name: string, key: Pair, more: Partial<KnownClient> = {}): KnownClient {
  return { name, key: key.client, ports: null, sessions: null, ...more };
}

/** A server's clients. */
export function clients(...all: KnownClient[]): FixedClients {
  return new FixedClients(all);
}

/** Credentials for the server "web". */
export function credentials(server: Pair, client: Pair | null): Credentials {
  const clientKey = client === null ? null : client.server;
  return { servers: new Map([["web", credentialsFor(server.client, clientKey)]]), clientKey };
}

/** Keys of a server and of two clients. */
export async function makeKeys(): Promise<{ server: Pair; alice: Pair; mallory: Pair }> {
  const [server, alice, mallory] = await Promise.all([makeKey(), makeKey(), makeKey()]);
  return { server, alice, mallory };
}

/** Lets everything that is under way finish, real cryptography included. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    // On a busy machine, as late as what runs on the same threads.
    await crypto.subtle.digest("SHA-256", new Uint8Array(32));
  }
}

/** Waits until something holds, at most 60 s: cryptography takes longer on a busy machine. */
export async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !holds() && Date.now() < end;) await quiet();
}

/** A client played by a test, up to the server's AUTH. */
export class Stranger {
  readonly peer: FramePeer;
  readonly association: Association;
  /** Its nonce in HELLO. */
  readonly nonce: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(32));

  constructor(association: Association) {
    this.association = association;
    this.peer = new FramePeer(association);
  }

  /** Sends HELLO for a server's key, and takes the answer. @returns What a proof is over. */
  async hello(serverKey: Key): Promise<Exchange> {
    await this.peer.send(encode.hello(serverKey.id, this.nonce));
    await until(() => this.peer.heard.length > 0);
    const { head } = await this.peer.next(FrameType.Auth);
    return { serverKey: serverKey.hash, clientNonce: this.nonce, serverNonce: head, list: this.association.list };
  }

  /** AUTH with a key's id and the proof by a key. */
  async auth(key: Key, exchange: Exchange, by = key, side = ProofSide.Client): Promise<Uint8Array> {
    return encode.auth(toHead(key.id), await prove(by, side, exchange));
  }

  /** The code of the DENIED that comes next. */
  async denied(): Promise<number> {
    await until(() => this.peer.heard.length > 0);
    return (await this.peer.next(FrameType.Denied)).code;
  }
}

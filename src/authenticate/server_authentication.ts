import { importKey, type Key } from "../identify/key.ts";
import type { Authentication, Verdict } from "../streams/authentication.ts";
import { DeniedCode, type Enroll, fromHead, ProofSide } from "../wire/authenticate.ts";
import { WireError } from "../wire/decoder.ts";
import { type AuthenticationFrame, FrameType } from "../wire/frame.ts";
import { encode } from "../wire/frame_encoder.ts";
import { Method, NONCE_LENGTH } from "../wire/identify.ts";
import type { ClientDirectory, KnownClient } from "./client_directory.ts";
import { enrolmentTranscript, type Exchange, prove, verify } from "./proof.ts";

/** Outcome of an authentication, as metrics name it. */
export type AuthenticationOutcome =
  | "authenticated"
  | "enrolled"
  | "no-proof"
  | "unknown-key"
  | "wrong-proof"
  | "no-such-server-key"
  | "not-invited"
  | "revoked"
  | "late";

/** Options of {@linkcode ServerAuthentication}. */
export interface ServerAuthenticationOptions {
  /** Returns the server's Ed25519 keys that can sign. */
  readonly keys: () => readonly Key[];
  /** Returns the clients known now. */
  readonly clients: () => ClientDirectory;
  /** The association's list message, as the server has echoed it. */
  readonly list: Uint8Array;
  /** Called when the client has proved its identity, before any of its streams opens. */
  readonly authenticated: (client: KnownClient) => void;
  /** Called with each outcome. @param reason Explains a refusal, for the log. */
  readonly outcome: (outcome: AuthenticationOutcome, reason?: string) => void;
}

/** The server's part in an association's authentication (docs/PROTOCOL.md 8). */
export class ServerAuthentication implements Authentication {
  readonly hello = null;
  readonly #options: ServerAuthenticationOptions;
  #serverKey: Key | null = null;
  #exchange: Exchange | null = null;
  #enrolling = false;
  #client: KnownClient | null = null;
  #denied = false;

  /** Begins with a client that is not known. */
  constructor(options: ServerAuthenticationOptions) {
    this.#options = options;
  }

  /** The client, once it has proved its identity. */
  get client(): KnownClient | null {
    return this.#client;
  }

  /** True once the client was refused. */
  get denied(): boolean {
    return this.#denied;
  }

  /** True if the client may open streams. */
  get admits(): boolean {
    return !this.#denied && (this.#client !== null || !this.#options.clients().required);
  }

  /** Handles a frame of the client. */
  receive(frame: AuthenticationFrame): Verdict | Promise<Verdict> {
    if (this.#denied) return {};
    switch (frame.type) {
      case FrameType.Hello:
        if (this.#exchange !== null) throw new WireError("a second HELLO");
        return this.#hello(frame.key, frame.nonce);
      case FrameType.Auth:
        if (this.#exchange === null || this.#client !== null) {
          throw new WireError("AUTH without HELLO, or a second one");
        }
        return this.#prove(this.#exchange, fromHead(frame.head), frame.proof);
      case FrameType.Enroll:
        if (this.#exchange === null || this.#enrolling) throw new WireError("ENROLL without HELLO, or a second one");
        return this.#enrol(this.#exchange, frame.enroll);
      default:
        throw new WireError("a frame that only a server sends");
    }
  }

  /** Refuses an OPEN of a client that has not proved its identity. */
  refuse(): Verdict {
    return this.deny(DeniedCode.NoProof, "no-proof", "the client did not authenticate");
  }

  /** Refuses the client from now on. @param reason For the log. */
  deny(code: DeniedCode, outcome: AuthenticationOutcome, reason: string): Verdict {
    if (this.#denied) return {};
    this.#denied = true;
    this.#options.outcome(outcome, reason);
    return { send: encode.denied(code), end: true };
  }

  /** True if the client would be admitted with the clients known now; updates what it may do. */
  review(): boolean {
    if (this.#client === null) return this.admits;
    const now = this.#options.clients().find(this.#client.key.id);
    if (now?.name !== this.#client.name) return false;
    this.#client = now;
    return true;
  }

  async #hello(id: Uint8Array, clientNonce: Uint8Array): Promise<Verdict> {
    let key = this.#keyOf(id);
    if (key === undefined) {
      await this.#options.clients().refresh?.();
      key = this.#keyOf(id);
    }
    if (key === undefined) {
      return this.deny(DeniedCode.NoSuchKey, "no-such-server-key", `the client expects the key ${id.toHex()} here`);
    }
    const serverNonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
    const exchange = { serverKey: key.hash, clientNonce, serverNonce, list: this.#options.list };
    this.#serverKey = key;
    this.#exchange = exchange;
    return { send: encode.auth(serverNonce, await prove(key, ProofSide.Server, exchange)) };
  }

  /** The server's key with an id; an HMAC key is one client's and the server's at once. */
  #keyOf(id: Uint8Array): Key | undefined {
    const { keys, clients } = this.#options;
    const pairwise = clients().find(id)?.key;
    return keys().find(({ id: own }) => own.every((byte, at) => byte === id[at])) ??
      (pairwise?.method === Method.HmacSha256 ? pairwise : undefined);
  }

  async #prove(exchange: Exchange, id: Uint8Array, proof: Uint8Array): Promise<Verdict> {
    const clients = this.#options.clients();
    if (clients.find(id) === null) await clients.refresh?.();
    const client = this.#options.clients().find(id);
    if (client === null) return this.#notAuthentic("unknown-key", `the client has the unknown key ${id.toHex()}`);
    const serverKey = this.#serverKey!;
    const { key } = client;
    const matches = key.method === serverKey.method && (key.method === Method.Ed25519 || key === serverKey);
    if (!matches || !await verify(key, ProofSide.Client, exchange, proof)) {
      return this.#notAuthentic("wrong-proof", `the proof with ${client.name}'s key ${id.toHex()} is wrong`);
    }
    // The directory may have changed meanwhile.
    this.#client = client;
    if (!this.review()) {
      this.#client = null;
      return this.#notAuthentic("unknown-key", `${client.name} was removed`);
    }
    this.#options.authenticated(this.#client);
    this.#options.outcome("authenticated");
    return {};
  }

  #notAuthentic(outcome: AuthenticationOutcome, reason: string): Verdict {
    return this.deny(DeniedCode.NotAuthentic, outcome, reason);
  }

  async #enrol(exchange: Exchange, enroll: Enroll): Promise<Verdict> {
    this.#enrolling = true;
    const clients = this.#options.clients();
    const { publicKey, mac } = enroll;
    const outcome = this.#serverKey!.method !== Method.Ed25519 || clients.enrol === undefined
      ? { refused: "unsupported" } as const
      : await clients.enrol({
        ...enroll,
        client: this.#client,
        verify: async (secret) => {
          const key = await importKey({ kind: "micss-hmac-v1", material: secret, comment: "" });
          return await key.verify!(await enrolmentTranscript(exchange, publicKey), mac);
        },
      });
    if ("refused" in outcome) {
      const of = outcome.name === undefined ? "" : ` of ${outcome.name}`;
      return this.deny(DeniedCode.NotInvited, "not-invited", `the invitation${of} is not valid: ${outcome.refused}`);
    }
    this.#options.outcome("enrolled", outcome.name);
    return { send: encode.enrolled(outcome.name) };
  }
}

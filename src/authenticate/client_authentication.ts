import type { Authentication, Verdict } from "../streams/authentication.ts";
import { type Enroll, ProofSide, toHead } from "../wire/authenticate.ts";
import { concat } from "../wire/concat.ts";
import { WireError } from "../wire/decoder.ts";
import { type AuthenticationFrame, FrameType } from "../wire/frame.ts";
import { encode } from "../wire/frame_encoder.ts";
import { NONCE_LENGTH } from "../wire/identify.ts";
import type { ServerCredentials } from "./credentials.ts";
import { DeniedError, ServerNotAuthentic } from "./denied_error.ts";
import { type Exchange, prove, verify } from "./proof.ts";

/** Options of {@linkcode ClientAuthentication}. */
export interface ClientAuthenticationOptions {
  /** The keys; null where the server is not authenticated. */
  readonly credentials: ServerCredentials | null;
  /** The association's list message, as the client has sent it. */
  readonly list: Uint8Array;
  /** Makes ENROLL for a proven server, behind the client's proof if it has a key. */
  readonly enrol?: (exchange: Exchange) => Promise<Enroll>;
}

/** The client's part in an association's authentication (docs/PROTOCOL.md 8). */
export class ClientAuthentication implements Authentication {
  readonly hello: Uint8Array | null;
  /** A client takes no OPEN. */
  readonly admits = false;
  readonly #options: ClientAuthenticationOptions;
  readonly #nonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
  readonly #authenticated = Promise.withResolvers<void>();
  readonly #enrolled = Promise.withResolvers<string>();
  #awaits: "auth" | "enrolled" | null;

  /** Begins with a server that has proved nothing. */
  constructor(options: ClientAuthenticationOptions) {
    this.#options = options;
    const { credentials } = options;
    this.hello = credentials && encode.hello(credentials.serverKey.id, this.#nonce);
    this.#awaits = credentials && "auth";
    if (credentials === null) this.#authenticated.resolve();
    this.#authenticated.promise.catch(() => {});
    this.#enrolled.promise.catch(() => {});
  }

  /**
   * Resolves when streams may be opened: the server has proved its identity, where a key is configured for it.
   *
   * @throws {DeniedError} If the server refuses. Pending if the association ends first.
   */
  get authenticated(): Promise<void> {
    return this.#authenticated.promise;
  }

  /** Resolves to the name under which the server has enrolled this client. @throws {DeniedError} */
  get enrolled(): Promise<string> {
    return this.#enrolled.promise;
  }

  /** Handles a frame of the server. */
  receive(frame: AuthenticationFrame): Verdict | Promise<Verdict> {
    switch (frame.type) {
      case FrameType.Denied:
        return this.#failed(new DeniedError(frame.code));
      case FrameType.Auth:
        if (this.#awaits !== "auth") break;
        this.#awaits = null;
        return this.#onAuth(this.#options.credentials!, frame.head, frame.proof);
      case FrameType.Enrolled:
        if (this.#awaits !== "enrolled") break;
        this.#awaits = null;
        this.#enrolled.resolve(frame.client);
        return {};
    }
    throw new WireError("a frame of authentication where it is not allowed");
  }

  /** Never called: the other side opens no streams. */
  refuse(): Verdict {
    return {};
  }

  async #onAuth(
    { serverKey, clientKey }: ServerCredentials,
    serverNonce: Uint8Array,
    proof: Uint8Array,
  ): Promise<Verdict> {
    const { list, enrol } = this.#options;
    const exchange = { serverKey: serverKey.hash, clientNonce: this.#nonce, serverNonce, list };
    if (!await verify(serverKey, ProofSide.Server, exchange, proof)) return this.#failed(new ServerNotAuthentic());
    const frames: Uint8Array[] = [];
    if (clientKey !== null) {
      frames.push(encode.auth(toHead(clientKey.id), await prove(clientKey, ProofSide.Client, exchange)));
    }
    if (enrol !== undefined) {
      this.#awaits = "enrolled";
      frames.push(encode.enroll(await enrol(exchange)));
    }
    const done = () => this.#authenticated.resolve();
    return frames.length === 0 ? { done } : { send: concat(frames), soon: enrol === undefined, done };
  }

  #failed(error: Error): Verdict {
    this.#authenticated.reject(error);
    this.#enrolled.reject(error);
    return { fail: error };
  }
}

import { type Connection, writeAll } from "../net/connection.ts";
import { encodeRefused, RefusedReason } from "../wire/associate.ts";
import { COOKIE_LENGTH } from "../wire/greeting.ts";
import { reasonOf } from "../errors/errors.ts";
import { ChannelReader } from "./channel_reader.ts";
import type { Candidate } from "./matcher.ts";
import { type HandshakeOutcome, refusedFor } from "./outcome.ts";

/**
 * A connection that the server handler has accepted and that is in no association yet. It owns the connection until
 * {@linkcode PendingConnection.release}; ends it once.
 */
export class PendingConnection implements Candidate {
  /** From the CSPRNG: that two are alike is less likely than that the machine fails. */
  readonly cookie: Uint8Array = crypto.getRandomValues(new Uint8Array(COOKIE_LENGTH));
  /** What will read the connection's shares. */
  readonly inlet: ChannelReader;
  /** Whether the client has said what it wants. */
  heard = false;
  /** When it was accepted, in milliseconds of its owner's clock. */
  arrived = 0;
  /** Forgets the time-out. */
  forgetTimeout: () => void = () => {};
  readonly #ended: (reason: string | null, outcome: HandshakeOutcome) => void;
  #over = false;

  /**
   * Takes the connection over.
   *
   * @param connection Just accepted; the newcomer's from now on.
   * @param ended Called once, when it ends without an association, with the reason in words; null when it wanted none.
   */
  constructor(
    readonly connection: Connection,
    ended: (reason: string | null, outcome: HandshakeOutcome) => void,
  ) {
    this.inlet = new ChannelReader(connection);
    this.#ended = ended;
  }

  /** The host address at which it arrived. */
  get localHost(): string {
    return this.connection.local.host;
  }

  /** The host address it came from. */
  get remoteHost(): string {
    return this.connection.remote.host;
  }

  /** Whether it was ended or released. */
  get over(): boolean {
    return this.#over;
  }

  /** Says why the list is refused, and ends. */
  refused(reason: RefusedReason): void {
    this.#say(encodeRefused(reason), `refused: ${RefusedReason[reason]}`, refusedFor(reason));
  }

  /** Gives the answer to a question, at most 1,024 bytes, and ends: it was no channel. */
  answer(bytes: Uint8Array): void {
    this.#say(bytes, null, "failed");
  }

  /** Ends without a word to the other side. */
  end(cause: unknown, outcome: HandshakeOutcome = "failed"): void {
    if (this.#over) return;
    this.#finish(reasonOf(cause), outcome);
    this.#close();
  }

  /** Gives up ownership: it is in an association now. */
  release(): void {
    this.#over = true;
    this.forgetTimeout();
  }

  #say(bytes: Uint8Array, reason: string | null, outcome: HandshakeOutcome): void {
    if (this.#over) return;
    this.#finish(reason, outcome);
    // So little always fits into the socket's buffer: closing does not wait for long.
    writeAll(this.connection, bytes).catch(() => {}).finally(() => this.#close());
  }

  #finish(reason: string | null, outcome: HandshakeOutcome): void {
    this.release();
    this.#ended(reason, outcome);
  }

  #close(): void {
    this.connection.close();
    this.inlet.release();
  }
}

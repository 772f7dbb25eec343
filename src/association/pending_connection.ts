import { type Connection, writeAll } from "../net/connection.ts";
import { encodeRefused, RefusedReason } from "../wire/associate.ts";
import { COOKIE_LENGTH } from "../wire/greeting.ts";
import { reasonOf } from "../errors/errors.ts";
import type { WaitingPlace } from "./admission_queue.ts";
import { ChannelReader } from "./channel_reader.ts";
import type { Candidate } from "./matcher.ts";
import { type HandshakeOutcome, refusedFor } from "./outcome.ts";

/**
 * An accepted connection without an association. Owns the connection until {@linkcode PendingConnection.release}, and ends
 * it at most once.
 */
export class PendingConnection implements Candidate {
  /** From the CSPRNG: a machine failure is likelier than two equal cookies. */
  readonly cookie: Uint8Array = crypto.getRandomValues(new Uint8Array(COOKIE_LENGTH));
  /** Will read the connection's shares. */
  readonly reader: ChannelReader;
  /** True once the client has sent its list or question. */
  heard = false;
  /** Time of its arrival, in milliseconds of its owner's clock. */
  arrived = 0;
  /** Its place among the waiting. */
  place: WaitingPlace | null = null;
  /** Cancels the time-out. */
  cancelTimeout: () => void = () => {};
  readonly #ended: (reason: string | null, outcome: HandshakeOutcome) => void;
  #over = false;

  /**
   * Takes ownership of a connection.
   *
   * @param connection Just accepted.
   * @param ended Called once, if it ends without an association, with the reason for the log; null if it asked for none.
   */
  constructor(
    readonly connection: Connection,
    ended: (reason: string | null, outcome: HandshakeOutcome) => void,
  ) {
    this.reader = new ChannelReader(connection);
    this.#ended = ended;
  }

  /** The local host address. */
  get localHost(): string {
    return this.connection.local.host;
  }

  /** The peer's host address. */
  get remoteHost(): string {
    return this.connection.remote.host;
  }

  /** True once it was ended or released. */
  get over(): boolean {
    return this.#over;
  }

  /** Sends the reason why the list is refused, and ends. */
  refused(reason: RefusedReason): void {
    this.#sendLast(encodeRefused(reason), `refused: ${RefusedReason[reason]}`, refusedFor(reason));
  }

  /** Sends the answer to an identification request, at most 1,024 bytes, and ends. */
  answer(bytes: Uint8Array): void {
    this.#sendLast(bytes, null, "failed");
  }

  /** Ends without sending anything. */
  end(cause: unknown, outcome: HandshakeOutcome = "failed"): void {
    if (this.#over) return;
    this.#finish(reasonOf(cause), outcome);
    this.#close();
  }

  /** Gives up ownership: the association owns the connection now. */
  release(): void {
    this.#over = true;
    this.cancelTimeout();
  }

  #sendLast(bytes: Uint8Array, reason: string | null, outcome: HandshakeOutcome): void {
    if (this.#over) return;
    this.#finish(reason, outcome);
    // Small enough for the socket buffer, so closing does not wait long.
    writeAll(this.connection, bytes).catch(() => {}).finally(() => this.#close());
  }

  #finish(reason: string | null, outcome: HandshakeOutcome): void {
    this.release();
    this.#ended(reason, outcome);
  }

  #close(): void {
    this.connection.close();
    this.reader.release();
  }
}

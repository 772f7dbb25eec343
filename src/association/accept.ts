import type { Address } from "../net/address.ts";
import { type Connection, readFull, writeAll } from "../net/connection.ts";
import { isDisconnect } from "../net/retry.ts";
import { requirePlainTcp } from "../net/listen/plain_tcp.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import {
  type Associate,
  associationId,
  encodeAssociate,
  INTERPOLATION,
  RefusedReason,
  SHORT,
  XOR,
} from "../wire/associate.ts";
import { decodeFrom } from "../wire/decoder.ts";
import { decodeFirst } from "../wire/first.ts";
import { encodeGreeting } from "../wire/greeting.ts";
import { encodeIdentifyRefusal, type Identify, IdentifyRefusal } from "../wire/identify.ts";
import { AdmissionQueue, type WaitingLimits } from "./admission_queue.ts";
import { Association } from "./association.ts";
import type { Sharing } from "./association_options.ts";
import { HANDSHAKE_TIMEOUT } from "./initiate.ts";
import { Matcher } from "./matcher.ts";
import type { HandshakeOutcome } from "./outcome.ts";
import { PendingConnection } from "./pending_connection.ts";
import type { Resume } from "./rejoin_acceptor.ts";
import type { Rejoin } from "../wire/rejoin.ts";

/** Stands for the address of a channel that has not joined yet. */
const UNKNOWN: Address = { host: "", port: 0 };

const NO_LIMITS: WaitingLimits = { total: Infinity, perSource: Infinity };

/** Settings of an {@linkcode Acceptor} that may change while it runs. */
export interface AcceptorSettings {
  /** Requires the channels of an association to arrive at different host addresses. Default: true. */
  readonly distinctAddresses?: boolean;
  /** Time limit from a connection's arrival, in milliseconds. Default: {@linkcode HANDSHAKE_TIMEOUT}. */
  readonly timeout?: number;
  /** Limits on connections without an association. Default: none. */
  readonly waiting?: WaitingLimits;
  /** Number of shares that suffice, fewer than channels. Default: all are needed. */
  readonly threshold?: number;
}

/** Options of an {@linkcode Acceptor}. */
export interface AcceptorOptions extends Sharing {
  /**
   * Receives each new association, which it owns, and the duration of the handshake in milliseconds, from the arrival of
   * the first channel.
   */
  readonly associated: (association: Association, duration: number) => void;
  /** Called when a connection ends without an association, with the reason for the log and the outcome for metrics. */
  readonly failed?: (connection: Connection, reason: string, outcome: HandshakeOutcome) => void;
  /** Answers an identification request, in at most 1,024 bytes. Default: refuses with 'no such key'. */
  readonly identify?: (question: Identify, connection: Connection) => Promise<Uint8Array>;
  /** Checks a request to join a channel again on a connection with that cookie; null refuses it. Default: refuses all. */
  readonly rejoin?: (request: Rejoin, connection: Connection, cookie: Uint8Array) => Resume | null;
  /** Returns false if no further association can be served; its candidates are refused. Default: always true. */
  readonly welcome?: () => boolean;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Returns the current settings; called for each connection. Default: the defaults of all settings. */
  readonly settings?: () => AcceptorSettings;
}

/**
 * The server's side of the association handshake (paper, section III-D; docs/PROTOCOL.md 2): greets every connection,
 * reads its list and not a byte more, and makes an association of the connections that a {@linkcode Matcher} finds to
 * belong together. Answers a connection that sends an identification request instead, and closes it; gives one that joins a
 * channel again to that channel.
 *
 * Until the time-out, a stranger's connection costs a cookie, at most 260 bytes of list and 528 of buffer, and its socket:
 * about 13 KB, including the runtime's own state.
 */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #settings: () => AcceptorSettings;
  readonly #clock: Clock;
  readonly #matcher: Matcher<PendingConnection>;
  readonly #waiting: AdmissionQueue<PendingConnection>;
  #closed = false;

  /** Creates an acceptor without connections. */
  constructor(options: AcceptorOptions) {
    const { clock = systemClock, settings = (): AcceptorSettings => ({}) } = options;
    this.#options = options;
    this.#settings = settings;
    this.#clock = clock;
    this.#waiting = new AdmissionQueue(() => settings().waiting ?? NO_LIMITS);
    this.#matcher = new Matcher<PendingConnection>({
      accepts: ({ scheme, threshold, cookies }) => {
        const { threshold: ours } = settings();
        if (ours === undefined) return (scheme === XOR || scheme === SHORT) && threshold === cookies.length;
        return scheme === INTERPOLATION && threshold === ours && threshold < cookies.length;
      },
      distinctAddresses: () => settings().distinctAddresses ?? true,
      associated: (candidates, list) => this.#associate(candidates, list),
    });
  }

  /** Number of connections without an association. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Takes ownership of a connection that has just been accepted. */
  take(connection: Connection): void {
    if (this.#closed) return connection.close();
    const { timeout = HANDSHAKE_TIMEOUT } = this.#settings();
    const pending = new PendingConnection(connection, (...result) => this.#ended(pending, ...result));
    pending.arrived = this.#clock.now();
    pending.cancelTimeout = this.#clock.after(
      timeout,
      () => pending.end(`not associated within ${timeout / 1000} s`, "timed-out"),
    );
    const evicted = this.#waiting.add(pending);
    evicted?.end("evicted: too many connections wait to be associated", "crowded-out");
    this.#matcher.add(pending);
    this.#handshake(pending).catch((cause) => {
      // A client of another version leaves here too. It sends no reason, so that no attacker can force a downgrade.
      if (!pending.heard && isDisconnect(cause)) {
        pending.end("closed by the other side before it sent anything", "left");
      } else pending.end(cause);
    });
  }

  /** Closes all connections without an association, and those that arrive later. */
  close(): void {
    this.#closed = true;
    for (const pending of [...this.#waiting]) pending.end("the handler is ending");
  }

  async #handshake(pending: PendingConnection): Promise<void> {
    const { connection, reader } = pending;
    requirePlainTcp(connection);
    await writeAll(connection, encodeGreeting(pending.cookie));
    const first = await decodeFrom(decodeFirst(), (into) => readFull(connection, into));
    pending.heard = true;
    if (pending.over) return;
    if (first.kind === "identify") {
      const answer = this.#options.identify?.(first.question, connection);
      return pending.answer(await answer ?? encodeIdentifyRefusal(IdentifyRefusal.NoSuchKey));
    }
    if (first.kind === "rejoin") {
      const resume = this.#options.rejoin?.(first.rejoin, connection, pending.cookie) ?? null;
      if (resume === null) return pending.refused(RefusedReason.NotOffered);
      pending.release();
      this.#forget(pending);
      return resume();
    }
    // A client sends nothing more until it has the echo: whatever arrives before means that it has gone or is not a MICSS
    // client. After the association, the read in progress receives the first shares.
    reader.changed = () => {
      const { ended } = reader;
      pending.end(ended === null ? "sent more than a list before it was associated" : ended.cause);
    };
    reader.read();
    if (this.#options.welcome?.() === false) return pending.refused(RefusedReason.Overloaded);
    this.#matcher.submit(pending, first.list);
  }

  #associate(candidates: (PendingConnection | null)[], list: Associate): void {
    const present = candidates.filter((candidate) => candidate !== null);
    for (const candidate of present) {
      candidate.release();
      this.#waiting.remove(candidate);
    }
    const addresses: Address[] = candidates.map((candidate) => candidate?.connection.local ?? UNKNOWN);
    const association = new Association(
      associationId(list.cookies),
      candidates.map((candidate) => candidate?.reader ?? null),
      addresses,
      { ...this.#options, threshold: list.threshold, short: list.scheme === SHORT },
    );
    const echo = association.list = encodeAssociate(list);
    candidates.forEach((candidate, index) => {
      if (candidate === null) return;
      writeAll(candidate.connection, echo).catch((cause) => {
        if (association.lost(index, cause) !== null) association.abort();
      });
    });
    const first = Math.min(...present.map(({ arrived }) => arrived));
    this.#options.associated(association, this.#clock.now() - first);
  }

  #forget(pending: PendingConnection): void {
    this.#waiting.remove(pending);
    this.#matcher.remove(pending);
  }

  #ended(pending: PendingConnection, reason: string | null, outcome: HandshakeOutcome): void {
    this.#forget(pending);
    if (reason !== null) this.#options.failed?.(pending.connection, reason, outcome);
  }
}

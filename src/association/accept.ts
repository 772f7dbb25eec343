import type { Address } from "../net/address.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { type Connection, readFull, writeAll } from "../net/connection.ts";
import { isDisconnect } from "../net/retry.ts";
import { requirePlainTcp } from "../net/listen/plain_tcp.ts";
import { xor } from "../sharing/xor.ts";
import { type Associate, associationId, encodeAssociate, RefusedReason } from "../wire/associate.ts";
import { decodeFrom } from "../wire/decoder.ts";
import { decodeFirst } from "../wire/first.ts";
import { encodeGreeting } from "../wire/greeting.ts";
import { encodeUnanswered, type Identify, IdentifyRefusal } from "../wire/identify.ts";
import { Association, type Sharing } from "./association.ts";
import { HANDSHAKE_TIMEOUT } from "./initiate.ts";
import { Matcher } from "./matcher.ts";
import { PendingConnection } from "./pending_connection.ts";
import type { HandshakeOutcome } from "./outcome.ts";
import { AdmissionQueue, type WaitingLimits } from "./admission_queue.ts";

const NO_LIMITS: WaitingLimits = { total: Infinity, perSource: Infinity };

/** What {@linkcode Acceptor} needs. Limits, time-out and rules are looked at for each connection, and may change. */
export interface AcceptorOptions extends Sharing {
  /**
   * Takes each association as it comes about, and how long its handshake took, in milliseconds, from its first channel's
   * arrival; the receiver owns the association.
   */
  readonly associated: (association: Association, took: number) => void;
  /** Told why a connection ended without an association: in words for the log, and which kind of end it was. */
  readonly failed?: (connection: Connection, reason: string, outcome: HandshakeOutcome) => void;
  /** Makes the answer to a question for the channels, at most 1,024 bytes. Default: there is no such key. */
  readonly identify?: (question: Identify, connection: Connection) => Promise<Uint8Array>;
  /** Whether two channels must arrive at different host addresses. Default: true. */
  readonly distinctAddresses?: boolean;
  /** How many connections may wait for their association. Default: as many as come. */
  readonly waiting?: WaitingLimits;
  /** Whether another association is welcome. Default: always. */
  readonly welcome?: () => boolean;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** In milliseconds, from a connection's arrival. Default: {@linkcode HANDSHAKE_TIMEOUT}. */
  readonly timeout?: number;
}

/**
 * The server's side of the association handshake (paper, section III-D; docs/PROTOCOL.md 2): greets every connection,
 * reads its list and no byte more, and makes an association of those that a {@linkcode Matcher} finds to belong together. A
 * connection that asks for the channels instead gets its answer, and is closed.
 *
 * Until the time-out, a stranger's connection costs a cookie, at most 260 bytes of list and 528 of buffer, and its socket:
 * with all that the runtime has for that, about 13 KB.
 */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #clock: Clock;
  readonly #matcher: Matcher<PendingConnection>;
  readonly #newcomers: AdmissionQueue<PendingConnection>;
  #closed = false;

  /** An acceptor without connections. */
  constructor(options: AcceptorOptions) {
    const { scheme = xor, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#newcomers = new AdmissionQueue(options.waiting ?? NO_LIMITS);
    this.#matcher = new Matcher<PendingConnection>({
      schemes: new Set([scheme.id]),
      get distinctAddresses() {
        return options.distinctAddresses ?? true;
      },
      associated: (newcomers, list) => this.#associate(newcomers, list),
    });
  }

  /** How many connections are in no association yet. */
  get size(): number {
    return this.#newcomers.size;
  }

  /** Takes a connection that has just been accepted, and owns it from now on. */
  take(connection: Connection): void {
    if (this.#closed) return connection.close();
    const { timeout = HANDSHAKE_TIMEOUT } = this.#options;
    const newcomer = new PendingConnection(connection, (...how) => this.#ended(newcomer, ...how));
    newcomer.arrived = this.#clock.now();
    newcomer.forgetTimeout = this.#clock.after(
      timeout,
      () => newcomer.end(`not associated within ${timeout / 1000} s`, "timed-out"),
    );
    const crowdedOut = this.#newcomers.add(newcomer);
    crowdedOut?.end("made room for another: too many connections wait to be associated", "crowded-out");
    this.#matcher.add(newcomer);
    this.#handshake(newcomer).catch((cause) => {
      // So does a client of another version at the greeting; it gives no reason, so that nobody can be talked down.
      if (!newcomer.heard && isDisconnect(cause)) {
        newcomer.end("closed by the other side before it said anything", "left");
      } else newcomer.end(cause);
    });
  }

  /** Closes all that is in no association yet, and takes nothing more. */
  close(): void {
    this.#closed = true;
    for (const newcomer of [...this.#newcomers]) newcomer.end("the handler is ending");
  }

  async #handshake(newcomer: PendingConnection): Promise<void> {
    const { connection } = newcomer;
    requirePlainTcp(connection);
    await writeAll(connection, encodeGreeting(newcomer.cookie));
    const first = await decodeFrom(decodeFirst(), (into) => readFull(connection, into));
    newcomer.heard = true;
    if (newcomer.over) return;
    if (first.kind === "identify") {
      const answer = this.#options.identify?.(first.question, connection);
      return newcomer.answer(await answer ?? encodeUnanswered(IdentifyRefusal.NoSuchKey));
    }
    // From here on the client has nothing to say until it has the echo: whatever comes tells that it is gone, or no
    // client of ours. Once associated, the read under way is that of the first shares.
    newcomer.inlet.changed = () => {
      const { ended } = newcomer.inlet;
      newcomer.end(ended === null ? "sent more than a list before it was associated" : ended.cause);
    };
    newcomer.inlet.read();
    if (this.#options.welcome?.() === false) return newcomer.refused(RefusedReason.Overloaded);
    this.#matcher.submit(newcomer, first.list);
  }

  #associate(newcomers: PendingConnection[], list: Associate): void {
    for (const newcomer of newcomers) {
      newcomer.release();
      this.#newcomers.remove(newcomer);
    }
    const addresses: Address[] = newcomers.map(({ connection }) => connection.local);
    const association = new Association(
      associationId(list.cookies),
      newcomers.map(({ inlet }) => inlet),
      addresses,
      this.#options,
    );
    const echo = encodeAssociate(list);
    newcomers.forEach(({ connection }, index) => {
      writeAll(connection, echo).catch((cause) => {
        association.channelFailed(index, cause);
        association.abort();
      });
    });
    const first = Math.min(...newcomers.map(({ arrived }) => arrived));
    this.#options.associated(association, this.#clock.now() - first);
  }

  #ended(newcomer: PendingConnection, reason: string | null, outcome: HandshakeOutcome): void {
    this.#newcomers.remove(newcomer);
    this.#matcher.remove(newcomer);
    if (reason !== null) this.#options.failed?.(newcomer.connection, reason, outcome);
  }
}

import { List } from "../../collections/list.ts";
import type { ClientConfig } from "../../config/types.ts";
import { reasonOf } from "../../errors/errors.ts";
import type { LogFields } from "../../log/log.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import { formatAddress } from "../../net/address.ts";
import { hostBytes } from "../../net/ip.ts";
import type { Levels } from "../../observe/observable.ts";
import { Outgoing } from "../../session/outgoing.ts";
import { NotProcessedError, relay, request, Requested } from "../../session/session.ts";
import type { Traffic } from "../../session/traffic.ts";
import { HandlerEnding, TargetError } from "../../streams/errors.ts";
import type { Open } from "../../wire/open.ts";
import type { Arrival } from "../ingress/arrival.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import { Associations, type AssociationsOptions } from "./associations.ts";
import { type CarriedFlow, FlowDialer } from "./flow_dialer.ts";
import { hintOf } from "./hint.ts";

/** Options of {@linkcode Dialer}. Its log also gets a line for each session. */
export interface DialerOptions extends AssociationsOptions {
  /** As for {@linkcode Associations}; also whether server handlers learn the applications' addresses. */
  readonly config: () => Pick<
    ClientConfig,
    "timeouts" | "warm" | "associations" | "limits" | "padding" | "shares" | "threshold" | "sendSource"
  >;
  /** Gets a line for each refused session. */
  readonly refused: ThrottledWarning;
}

/** Maximum number of times that a session is requested again after an association made for it did not process it. */
const MAX_REPEATS = 3;

/** State of a session's OPEN across the associations that it is tried on. */
interface Attempt {
  readonly arrival: Arrival;
  /** Requested port of the server handler. */
  readonly port: number;
  readonly outgoing: Outgoing;
  readonly traffic: Traffic;
  readonly fields: LogFields & { readonly from: string };
  /** Number of new associations that did not process it. */
  unprocessed: number;
}

/** Carries applications' connections to one server handler, each in a session. */
export class Dialer {
  readonly #server: ResolvedServer;
  readonly #options: DialerOptions;
  readonly #associations: Associations;
  readonly #flows: FlowDialer;
  readonly #sessions = new List<Requested>();
  #closed = false;

  /** Starts without sessions. */
  constructor(server: ResolvedServer, options: DialerOptions) {
    this.#server = server;
    this.#options = options;
    this.#associations = new Associations(server, options);
    this.#flows = new FlowDialer(server.name, this.#associations, options);
  }

  /**
   * Carries a connection until it has ended, and logs the outcome. Owns the connection.
   *
   * @param port Requested port of the server handler.
   */
  dial(arrival: Arrival, port: number): Promise<void> {
    const fields = { server: this.#server.name, port, from: formatAddress(arrival.connection.remote) };
    const traffic: Traffic = { sent: 0, received: 0 };
    const outgoing = new Outgoing(arrival.connection, traffic, true);
    return this.#attempt({ arrival, port, outgoing, traffic, fields, unprocessed: 0 });
  }

  /** Carries a flow of datagrams; see {@linkcode FlowDialer.carry}. */
  carry(flow: CarriedFlow, port: number): Promise<boolean> {
    return this.#flows.carry(flow, port);
  }

  /** Tries a session on one association, and on another one where it was not processed. */
  async #attempt(attempt: Attempt): Promise<void> {
    const { arrival, port, outgoing, traffic, fields } = attempt;
    const { clock, activity, refused } = this.#options;
    const incoming = new Requested(traffic);
    const obtained = await this.#associations.obtain(this.#open(arrival, port), incoming)
      .catch((error) => this.#unobtained(attempt, error));
    if (obtained === null) return;
    const { stream, multiplexer: { association }, state } = obtained;
    // Not earlier: if the server handler has room for a single association, it is this session's.
    this.#associations.warmUp();
    const session = `${association.id}.${stream.number}`;
    const log = this.#options.log.with({ session, ...fields });
    log.debug("session");
    const place = this.#sessions.add(incoming);
    const start = clock.now();
    const open = activity.session({
      id: session,
      from: fields.from,
      to: this.#server.name,
      port,
      association,
      traffic,
    });
    try {
      const reused = state ?? this.#associations.initialState(obtained);
      const answered = () => this.#associations.answered(obtained);
      await request(stream, incoming, { applicant: arrival, outgoing, reused, answered });
      await relay(arrival.connection, stream, { incoming, outgoing });
      activity.sessionOver(open);
      log.info("session ended", { ...counts(traffic, clock.now() - start), reason: "both sides ended" });
    } catch (cause) {
      // Closing the handler ends the association beneath the session.
      const error = this.#closed ? new HandlerEnding() : cause;
      activity.sessionOver(open, error);
      if (cause instanceof NotProcessedError) {
        if (state === null) attempt.unprocessed++;
        if (!this.#closed && attempt.unprocessed <= MAX_REPEATS) {
          log.debug("association given up by the server", { reason: cause.message });
          this.#associations.rejected(obtained, cause);
          // Not awaited: this attempt is over.
          return this.#attempt(attempt);
        }
        // No retry follows; close here.
        await arrival.refused(error);
      }
      if (error instanceof TargetError) refused.warn({ session, ...fields, reason: error.message });
      else log.warn("session reset", { ...counts(traffic, clock.now() - start), reason: reasonOf(error) });
    } finally {
      this.#sessions.remove(place);
    }
  }

  /** Refuses a session for which there is no association. */
  async #unobtained({ arrival, fields }: Attempt, error: unknown): Promise<null> {
    this.#options.activity.refusals.count("no-association");
    this.#options.refused.warn({ ...fields, reason: reasonOf(error), hint: hintOf(error) });
    await arrival.refused(error);
    return null;
  }

  /** Numbers of associations by their use. */
  get pool(): Required<Levels>["pool"] {
    return this.#associations.counts;
  }

  /**
   * Verifies that sessions are possible: an association exists or can be made.
   *
   * @throws {ChannelError} If none can be made.
   */
  async verify(): Promise<void> {
    await this.#associations.verify();
  }

  /** Aborts every session and handshake, and ends every idle association. */
  close(): void {
    this.#closed = true;
    this.#associations.close();
    // Streams that are over no longer fail: their applications may still be reading.
    for (const incoming of this.#sessions) incoming.failed(new HandlerEnding());
  }

  #open({ connection: { remote } }: Arrival, port: number): Open {
    const destination = { kind: "port", port } as const;
    const address = this.#options.config().sendSource ? hostBytes(remote.host) : null;
    return address === null ? { destination } : { destination, source: { address, port: remote.port } };
  }
}

/** A session's bytes and duration as log fields. */
function counts({ sent, received }: Traffic, ms: number): LogFields {
  return { "bytes-up": sent, "bytes-down": received, ms: Math.round(ms) };
}

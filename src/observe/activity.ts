import type { Association } from "../association/association.ts";
import { ChannelError } from "../association/channel_error.ts";
import { List, type Place } from "../collections/list.ts";
import { DatagramCounts } from "../datagrams/counts.ts";
import { type HandshakeOutcome, outcomeOf } from "../association/outcome.ts";
import type { Clock } from "../time/clock.ts";
import { Silence } from "../session/liveness.ts";
import { ApplicationError } from "../session/application_error.ts";
import { NotProcessedError } from "../session/session.ts";
import type { Traffic } from "../session/traffic.ts";
import { HandlerEnding, StreamReset, TargetError } from "../streams/errors.ts";
import { WireError } from "../wire/decoder.ts";
import { ResultCode } from "../wire/frame.ts";
import { type ChannelRecord, ChannelRecords } from "./channel_records.ts";
import { Histogram, Tally } from "./metrics.ts";

/** Why a session was reset. */
export type ResetCause = "application" | "other-side" | "channel" | "protocol" | "ending" | "other";

/** Reasons to refuse a connection. */
export const REFUSAL_REASONS = [
  "no-association",
  "no-server",
  "bad-request",
  "loop",
  "overloaded",
  "refused",
  "unreachable",
  "not-allowed",
  "not-processed",
] as const;

/** One of {@linkcode REFUSAL_REASONS}. */
export type RefusalReason = typeof REFUSAL_REASONS[number];

/** An open session. */
export interface Session {
  /** Id in the log. */
  readonly id: string;
  /** Name of its client on a server, if it has proved its identity. */
  readonly client?: string;
  /** Address of its application, if known. */
  readonly from?: string;
  /** The server's name, or the target. */
  readonly to: string;
  /** The requested port. */
  readonly port: number;
  /** Association that carries it. */
  readonly association: Association;
  /** Bytes carried. */
  readonly traffic: Traffic;
  /** Set for a flow of datagrams. */
  readonly datagrams?: true;
  /** When it began, in milliseconds of the clock. */
  readonly began: number;
}

/** An open association. */
export interface OpenAssociation {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** When it was made, in milliseconds of the clock. */
  readonly began: number;
  /** Records of its channels, in their order. */
  readonly records: readonly (ChannelRecord | undefined)[];
  /** Number of open sessions that it carries, each in a stream. */
  sessions: number;
  /** Name of its client on a server, once it has proved its identity. */
  client?: string;
}

/** Histogram bounds for handshakes, in seconds: from a round trip to the default time-out. */
const HANDSHAKE_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Histogram bounds for sessions, in seconds: from one request to a day. */
const SESSION_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];

/**
 * A handler's open sessions and associations, and its counters. The handler reports beginnings and ends; bytes are read
 * from associations and sessions on request, so the data path pays nothing for them.
 */
export class Activity {
  /** The channels. */
  readonly channels: ChannelRecords = new ChannelRecords();
  /** Open associations, oldest first. */
  readonly associations: Map<Association, OpenAssociation> = new Map();
  /** Open sessions, oldest first. */
  readonly sessions: List<Session> = new List();
  /** Outcomes of handshakes: of associations on a client, of connections on a server. */
  readonly handshakes: Tally<HandshakeOutcome> = new Tally(["associated", "timed-out", "failed"]);
  /** Durations of successful handshakes, in seconds. */
  readonly handshakeSeconds: Histogram = new Histogram(HANDSHAKE_BOUNDS);
  /** Outcomes of sessions. */
  readonly ended: Tally<"ended" | "reset"> = new Tally(["ended", "reset"]);
  /** Causes of resets. */
  readonly resets: Tally<ResetCause> = new Tally(["application", "other-side", "channel", "protocol", "ending"]);
  /** Refused connections by reason. Each starts at 0, so that Prometheus sees the first one as an increase. */
  readonly refusals: Tally<RefusalReason> = new Tally(REFUSAL_REASONS);
  /** Durations of sessions, in seconds. */
  readonly sessionSeconds: Histogram = new Histogram(SESSION_BOUNDS);
  /** Outcomes of identification requests: sent on a client, answered on a server. */
  readonly identified: Tally = new Tally();
  /** Outcomes of authentications, on a server. */
  readonly authentications: Tally = new Tally();
  /** Number of refusals by each limit. */
  readonly limitHits: Tally = new Tally();
  /** Source of all times here. */
  readonly clock: Clock;
  /** Clients that have proved their identity on a server, by name, each with the last time, in milliseconds of the clock. */
  readonly authenticated: Map<string, number> = new Map();
  /** Datagrams. */
  readonly datagrams: DatagramCounts = new DatagramCounts();
  /** Number of open sessions that are flows of datagrams. */
  flows = 0;
  /** Number of associations made. */
  associated = 0;
  /** Number of records refused for a wrong tag, hash or length. */
  refusedRecords = 0;
  /** Number of times that a stream had bytes to send and no credit. */
  creditWaits = 0;
  /** Bytes of padding sent on each channel. */
  padding = 0;

  /** Starts with all counters at 0. */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Number of open streams: those of open associations that carry a session. */
  get streams(): number {
    return this.associations.values().reduce((total, { sessions }) => total + sessions, 0);
  }

  /**
   * Records a new association, and later its end.
   *
   * @param server The server's name on a client.
   * @param duration Duration of its handshake, in milliseconds.
   * @param worker As in {@linkcode ChannelRecords.of}.
   */
  begin(association: Association, duration: number, server = "", worker = 0): void {
    const began = this.clock.now();
    this.associated++;
    this.handshakeSeconds.observe(duration / 1000);
    const records = this.channels.of(association, server, worker);
    for (const record of records) if (record !== undefined) record.associated = began;
    const open: OpenAssociation = { server, began, records, sessions: 0 };
    this.associations.set(association, open);
    association.over.then(() => {
      this.associations.delete(association);
      const { sent, received, skipped, failure } = association;
      records.forEach((record, at) => {
        if (record === undefined) return;
        const { past } = record;
        record.past = { sent: past.sent + sent[at]!, received: past.received + received[at]! - skipped[at]! };
      });
      // An orderly end by the other side is a failure only in the middle of a session.
      if (failure !== null && (failure.cause !== null || open.sessions > 0)) {
        this.channels.failed(records[failure.index], this.clock.now(), failure.cause);
      }
    });
  }

  /** Records that a channel has broken, while its association waits for it. */
  broken(association: Association, index: number, cause: unknown): void {
    this.channels.broken(this.associations.get(association)?.records[index], this.clock.now(), cause);
  }

  /** Records that a channel is known to lie. */
  lied(association: Association, index: number): void {
    this.channels.lied(this.associations.get(association)?.records[index], this.clock.now());
  }

  /** Records that a channel has been joined again. */
  rejoined(association: Association, index: number): void {
    this.channels.rejoined(this.associations.get(association)?.records[index], this.clock.now());
  }

  /** Records that the client of an open association has proved its identity. */
  identify(association: Association, client: string): void {
    const open = this.associations.get(association);
    if (open !== undefined) open.client = client;
    this.authenticated.set(client, this.clock.now());
  }

  /** Records a client's failed handshake. */
  noAssociation(server: string, error: unknown): void {
    this.handshakes.count(outcomeOf(error));
    if (!(error instanceof ChannelError)) return;
    this.channels.failed(this.channels.find(server, error.address), this.clock.now(), error.cause);
  }

  /**
   * Records a new session on an association that has begun.
   *
   * @returns Its place, for {@linkcode Activity.sessionOver}.
   */
  session(about: Omit<Session, "began">): Place<Session> {
    const carrier = this.associations.get(about.association);
    if (about.datagrams) this.flows++;
    if (carrier !== undefined) carrier.sessions++;
    return this.sessions.add({ ...about, began: this.clock.now() });
  }

  /** Records that a session has ended; call it once. @param error Given if it was reset. */
  sessionOver(place: Place<Session>, error?: unknown): void {
    const { datagrams, association, began } = place.item, carrier = this.associations.get(association);
    this.sessions.remove(place);
    if (datagrams) this.flows--;
    if (carrier !== undefined) carrier.sessions--;
    // Another association is asked for it.
    if (error instanceof NotProcessedError) return;
    if (error instanceof TargetError) return this.refusals.count(refusalLabel(error.code));
    this.sessionSeconds.observe((this.clock.now() - began) / 1000);
    this.ended.count(error === undefined ? "ended" : "reset");
    if (error !== undefined) this.resets.count(causeOf(error));
  }
}

/** The reason of a refusal by the server handler. */
export function refusalLabel(code: TargetError["code"]): RefusalReason {
  return OF_RESULT[code];
}

const OF_RESULT: Readonly<Record<TargetError["code"], RefusalReason>> = {
  [ResultCode.Refused]: "refused",
  [ResultCode.Unreachable]: "unreachable",
  [ResultCode.NotAllowed]: "not-allowed",
  [ResultCode.Overloaded]: "overloaded",
  [ResultCode.NotProcessed]: "not-processed",
};

function causeOf(error: unknown): ResetCause {
  if (error instanceof ApplicationError) return "application";
  if (error instanceof StreamReset) return "other-side";
  if (error instanceof ChannelError || error instanceof Silence) return "channel";
  if (error instanceof WireError) return "protocol";
  return error instanceof HandlerEnding ? "ending" : "other";
}

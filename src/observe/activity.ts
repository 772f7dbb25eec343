import { type Association, ChannelError } from "../association/association.ts";
import { type HandshakeOutcome, outcomeOf } from "../association/outcome.ts";
import type { Clock } from "../time/clock.ts";
import { Silence } from "../session/liveness.ts";
import { ApplicationError, SessionReset, type Traffic } from "../session/relay.ts";
import { HandlerEnding, NotProcessedError, TargetError } from "../session/session.ts";
import { WireError } from "../wire/decoder.ts";
import { ResultCode } from "../wire/frame.ts";
import { type ChannelRecord, ChannelRecords } from "./channel_records.ts";
import { Histogram, Tally } from "./metrics.ts";

/** Why a session was reset. */
export type ResetCause = "application" | "other-side" | "channel" | "protocol" | "ending" | "other";

/** Reasons for which a connection becomes no session. */
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

/** A session that is under way. */
export interface Session {
  /** Id in the log. */
  readonly id: string;
  /** Address of its application, if known. */
  readonly from?: string;
  /** The server's name, or the target. */
  readonly to: string;
  /** The port that was asked for. */
  readonly port: number;
  /** Association that carries it. */
  readonly association: Association;
  /** Bytes carried. */
  readonly traffic: Traffic;
  /** When it began, in milliseconds of the clock. */
  readonly began: number;
}

/** An association that is not over. */
export interface Live {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** When it came about, in milliseconds of the clock. */
  readonly began: number;
  /** Records of its channels, in their order. */
  readonly records: readonly (ChannelRecord | undefined)[];
}

/** Upper bounds of how long handshakes take, in seconds: round trips, and the default time-out. */
const HANDSHAKE_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The same of sessions: from one request to a day. */
const SESSION_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];

/**
 * What a handler is doing and has done, for who looks at it. The handler says what begins and ends; bytes are not counted
 * here, but read from associations and sessions by who asks, so that the data path pays nothing.
 */
export class Activity {
  /** The channels. */
  readonly channels: ChannelRecords = new ChannelRecords();
  /** The associations that are not over, the oldest first. */
  readonly associations: Map<Association, Live> = new Map();
  /** The sessions under way, the oldest first; an association serves one at a time. */
  readonly sessions: Map<Association, Session> = new Map();
  /** Outcomes of handshakes: of associations on a client, of connections on a server. */
  readonly handshakes: Tally<HandshakeOutcome> = new Tally(["associated", "timed-out", "failed"]);
  /** Durations of successful handshakes, in seconds. */
  readonly handshakeSeconds: Histogram = new Histogram(HANDSHAKE_BOUNDS);
  /** Outcomes of sessions. */
  readonly ended: Tally<"ended" | "reset"> = new Tally(["ended", "reset"]);
  /** Causes of resets. */
  readonly resets: Tally<ResetCause> = new Tally(["application", "other-side", "channel", "protocol", "ending"]);
  /** Connections that were refused, by reason. Each counts from 0, so that an increase from 0 to 1 is one to Prometheus. */
  readonly refusals: Tally<RefusalReason> = new Tally(REFUSAL_REASONS);
  /** Durations of sessions, in seconds. */
  readonly sessionSeconds: Histogram = new Histogram(SESSION_BOUNDS);
  /** Outcomes of identification requests: sent on a client, answered on a server. */
  readonly identified: Tally = new Tally();
  /** Number of refusals by each limit. */
  readonly limitHits: Tally = new Tally();
  /** Tells time. */
  readonly clock: Clock;
  /** Number of associations made. */
  associated = 0;

  /** Nothing happened yet. */
  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * An association came about. Its end is noticed here.
   *
   * @param server The server's name on a client.
   * @param took How long its handshake took, in milliseconds.
   * @param worker As in {@linkcode ChannelRecords.of}.
   */
  begin(association: Association, took: number, server = "", worker = 0): void {
    const began = this.clock.now();
    this.associated++;
    this.handshakeSeconds.observe(took / 1000);
    const records = this.channels.of(association, server, worker);
    for (const record of records) if (record !== undefined) record.associated = began;
    this.associations.set(association, { server, began, records });
    association.over.then(() => {
      this.associations.delete(association);
      const { sent, received, failure } = association;
      records.forEach((record, at) => {
        if (record === undefined) return;
        const { past } = record;
        record.past = { sent: past.sent + sent[at]!, received: past.received + received[at]! };
      });
      // That the other side ended it in order is no failure, unless it was in the middle of a session.
      if (failure !== null && (failure.cause !== null || this.sessions.has(association))) {
        this.channels.failed(records[failure.index], this.clock.now(), failure.cause);
      }
    });
  }

  /** A client's handshake ended without an association. */
  noAssociation(server: string, error: unknown): void {
    this.handshakes.count(outcomeOf(error));
    if (!(error instanceof ChannelError)) return;
    this.channels.failed(this.channels.find(server, error.address), this.clock.now(), error.cause);
  }

  /**
   * A session has begun.
   *
   * @returns To be called once when it has ended, with the error that it was reset for, if it was.
   */
  session(about: Omit<Session, "began">): (error?: unknown) => void {
    const session: Session = { ...about, began: this.clock.now() };
    this.sessions.set(about.association, session);
    return (error) => {
      this.sessions.delete(about.association);
      // Another association is asked for it.
      if (error instanceof NotProcessedError) return;
      if (error instanceof TargetError) return this.refusals.count(refusalLabel(error.code));
      this.sessionSeconds.observe((this.clock.now() - session.began) / 1000);
      this.ended.count(error === undefined ? "ended" : "reset");
      if (error !== undefined) this.resets.count(causeOf(error));
    };
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
  if (error instanceof SessionReset) return "other-side";
  if (error instanceof ChannelError || error instanceof Silence) return "channel";
  if (error instanceof WireError) return "protocol";
  return error instanceof HandlerEnding ? "ending" : "other";
}

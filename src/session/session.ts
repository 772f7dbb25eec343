import { ChannelError } from "../association/association.ts";
import { MicssError, reasonOf } from "../errors/errors.ts";
import type { Connection } from "../net/connection.ts";
import { fairness } from "../net/fairness.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { type Deadline, deadline } from "../time/deadline.ts";
import { WireError } from "../wire/decoder.ts";
import { FrameType, ResetCode, ResultCode } from "../wire/frame.ts";
import type { Open } from "../wire/open.ts";
import type { Workers } from "../wire/workers.ts";
import { type Frames, unexpected } from "./frames.ts";
import { Outgoing } from "./outgoing.ts";
import { ApplicationError, applied, receiveTo, SessionReset, type Traffic } from "./relay.ts";

/** Time limit for the last frame of an aborted or refused session to leave, in milliseconds. */
const LAST_FRAME_TIMEOUT = 1000;

/** The association's owner ended it, and the session with it. */
export class HandlerEnding extends MicssError {
  /** Creates the error. */
  constructor() {
    super("the handler is ending");
  }
}

/** The server handler did not connect the session to its target. */
export class TargetError extends MicssError {
  /**
   * Creates the error.
   *
   * @param code The server handler's answer.
   * @param text The server handler's explanation; may be empty.
   */
  constructor(readonly code: Exclude<ResultCode, ResultCode.Ok>, text: string) {
    super(text === "" ? ResultCode[code]!.toLowerCase() : text);
  }
}

/** Options of {@linkcode relay}. */
export interface RelayOptions {
  /** Counts bytes as they pass. */
  readonly traffic: Traffic;
  /** Resolves when the other side may send; nothing is read before. Its failure aborts the session. Default: resolved. */
  readonly answered?: Promise<void>;
  /** Settles when all of the application's bytes have been sent. Default: starts sending them. */
  readonly sent?: Promise<void>;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Relays a session whose OPEN was answered, or is about to be, until both directions have ended (docs/PROTOCOL.md 5).
 *
 * Owns the application's connection: closes it in order when both directions have ended, and resets it otherwise. Leaves
 * the association as it is after an orderly end. Ends it after any other, and sends the other side the reason where that may help.
 *
 * @throws The reason for which the session was aborted.
 */
export async function relay(application: Connection, frames: Frames, options: RelayOptions): Promise<void> {
  const { traffic, answered = Promise.resolve(), clock = systemClock } = options;
  const { sent = new Outgoing(application, traffic).pump(frames) } = options;
  const { association } = frames;
  const received = answered.then(() => receiveTo(application, frames, traffic));
  // While only this side still sends, nothing reads from the channels: watch() notices when one fails. Ending the
  // association ends the session too, even if the application never sends again.
  const watched = received.then(() => Promise.race([sent, watch(frames)]));
  const leaveFairness = fairness.join();
  try {
    await new Promise<unknown>((resolve, reject) => {
      association.ending = () => reject(association.reason ?? new HandlerEnding());
      Promise.all([sent, watched]).then(resolve, reject);
    });
    application.close();
  } catch (error) {
    application.reset();
    await abandon(frames, error, clock);
    await Promise.allSettled([sent, received]);
    throw error;
  } finally {
    leaveFairness();
    association.ending = () => {};
  }
}

/**
 * Waits, after the other side's END, for a frame that belongs to the next session, and leaves it unread.
 *
 * @throws When a channel ended or failed, or the other handler aborts the session.
 */
async function watch(frames: Frames): Promise<void> {
  let frame = await frames.peek();
  while (frame?.type === FrameType.Bye) {
    await frames.receive();
    frame = await frames.peek();
  }
  if (frame === null) throw frames.association.reason;
  if (frame.type === FrameType.Reset) throw new SessionReset(frame.code);
}

/**
 * Ends the association of an aborted session. Sends the reason first, unless the other side knows it; if RESET can't leave
 * in time, the other side finds out from its channels.
 */
async function abandon(frames: Frames, error: unknown, clock: Clock): Promise<void> {
  const code = error instanceof ApplicationError
    ? ResetCode.Application
    : error instanceof WireError
    ? ResetCode.Protocol
    : null;
  if (code !== null) {
    using _limit = lastFrameLimit(frames, clock);
    await frames.send((encoder) => encoder.reset(code)).catch(() => {});
  }
  frames.association.end();
}

/** Aborts the association unless disposed of in time. */
function lastFrameLimit({ association }: Frames, clock: Clock): Deadline {
  const limit = deadline(clock, LAST_FRAME_TIMEOUT, { reason: () => new Error("the last frame could not be sent") });
  limit.signal.onabort = () => association.abort();
  return limit;
}

/** Reports the outcome of a request to its application. */
export interface Applicant {
  /**
   * Announces that the session has begun, before any byte from the target. Absent for an application that takes its
   * connection for the session itself.
   */
  readonly accepted?: () => Promise<void>;
  /** Announces why the session can't begin, and ends the application's connection; never rejects. */
  readonly refused: (error: unknown) => Promise<void>;
}

/** The other side did not process the OPEN, and the application has not noticed: the request may be repeated. */
export class NotProcessedError extends MicssError {}

/** The requests of a client handler that have no answer yet. */
export class PendingRequests {
  /** Number of requests. */
  count = 0;
}

/** Options of {@linkcode request}. */
export interface RequestOptions {
  /** Counts bytes as they pass. */
  readonly traffic: Traffic;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: an application whose connection is simply reset. */
  readonly applicant?: Applicant;
  /** Source of the application's bytes; keeps them if the request may have to be repeated. Default: a new one. */
  readonly outgoing?: Outgoing;
  /**
   * Set if the other side may fail to process the OPEN, and the request can then be repeated: because the association was
   * idle before, or because it is with a worker that may have been replaced. `stale` sends nothing before the answer.
   */
  readonly reused?: "fresh" | "stale";
  /** Requests of the same handler. Default: only this one. */
  readonly pending?: PendingRequests;
  /** Called when the target is connected, with the server handler's announcement of workers, if any came. */
  readonly answered?: ((workers: Workers | null) => void) | undefined;
}

/**
 * Requests a session, and relays it: the client handler's part. The application's bytes follow the OPEN immediately,
 * without waiting for the answer; an application that waits for the answer is not read from before it.
 *
 * @throws {NotProcessedError} Only where `reused` is given.
 * @throws {TargetError} When the server handler did not connect the target.
 * @throws What {@linkcode relay} throws.
 */
export async function request(
  open: Open,
  application: Connection,
  frames: Frames,
  options: RequestOptions,
): Promise<void> {
  const { traffic, clock = systemClock, applicant, outgoing = new Outgoing(application, traffic), reused } = options;
  const speaksFirst = applicant?.accepted === undefined && reused !== "stale";
  const answered = ask(open, frames, speaksFirst ? clock : null, options);
  const early = speaksFirst ? outgoing.pump(frames) : undefined;
  if (reused !== undefined) await confirmed(answered, outgoing, early, frames);
  outgoing.confirm();
  if (applicant?.accepted !== undefined) {
    try {
      await answered;
      await applied(applicant.accepted());
    } catch (error) {
      await Promise.all([applicant.refused(error), abandon(frames, error, clock)]);
      throw error;
    }
  }
  // Not awaited: that would keep this function's state for the whole session.
  return relay(application, frames, { traffic, answered, clock, sent: early ?? outgoing.pump(frames) });
}

/**
 * Waits for the answer, or for a failure that {@linkcode relay} will handle.
 *
 * @throws {NotProcessedError} When the other side did not process the OPEN, and everything sent can be sent again.
 */
async function confirmed(
  answered: Promise<void>,
  outgoing: Outgoing,
  early: Promise<void> | undefined,
  frames: Frames,
): Promise<void> {
  // Sending may finish before the answer comes; only a failure to read from the application ends the wait.
  const failing = early?.then(() => answered, (error) => error instanceof ApplicationError ? undefined : answered);
  try {
    await Promise.race([answered, failing ?? answered]);
  } catch (error) {
    // After a channel failed, the OPEN and the bytes behind it may have reached the target, and must not be repeated.
    const untouched = error instanceof ChannelError && outgoing.unsaid ||
      error instanceof TargetError && error.code === ResultCode.NotProcessed;
    if (!untouched) return;
    frames.association.end();
    throw new NotProcessedError(reasonOf(error), { cause: error });
  }
}

/**
 * Sends OPEN, and waits for the answer. A lone OPEN is sent immediately: its target is then connected while the
 * application is still about to speak, which gives a fifth more connections in sequence. One of several waits for the
 * application's first bytes, to leave with them, which gives a fifth more connections with 50 clients.
 *
 * @param clock Null if the application's first bytes can't follow the OPEN immediately.
 */
async function ask(
  open: Open,
  frames: Frames,
  clock: Clock | null,
  { pending = new PendingRequests(), answered }: RequestOptions,
): Promise<void> {
  const lone = pending.count++ === 0;
  try {
    if (clock === null || lone) await frames.send((encoder) => encoder.open(open));
    else frames.sendSoon((encoder) => encoder.open(open), clock);
    const workers = await receiveResult(frames);
    answered?.(workers);
  } finally {
    pending.count--;
  }
}

/** Waits for RESULT. @returns The announcement of workers in front of it. */
async function receiveResult(frames: Frames): Promise<Workers | null> {
  let workers: Workers | null = null;
  let frame = await frames.receive();
  if (frame?.type === FrameType.Workers) {
    workers = frame.workers;
    frame = await frames.receive();
  }
  // BYE crossed the OPEN, whose answer follows.
  if (frame?.type === FrameType.Bye) frame = await frames.receive();
  if (frame === null) throw frames.association.reason;
  if (frame.type !== FrameType.Result) throw unexpected(frame, "where RESULT was due");
  if (frame.code !== ResultCode.Ok) throw new TargetError(frame.code, frame.text);
  return workers;
}

/**
 * Refuses a requested session: the server handler's part. Ends the association once the client has read the answer and
 * closed, or after a second: closing earlier would reset the channels while the client still sends, and could lose the
 * answer.
 */
export async function refuse(frames: Frames, code: ResultCode, text: string, clock: Clock): Promise<void> {
  using _limit = lastFrameLimit(frames, clock);
  try {
    await frames.send((encoder) => encoder.result(code, text));
    while (await frames.receive() !== null);
  } catch {
    // The client has closed.
  } finally {
    frames.association.end();
  }
}

import { MicssError, reasonOf } from "../errors/errors.ts";
import { ChannelError } from "../association/association.ts";
import { systemClock } from "../time/clock.ts";
import type { Clock } from "../time/clock.ts";
import type { Connection } from "../net/connection.ts";
import { fairness } from "../net/fairness.ts";
import { WireError } from "../wire/decoder.ts";
import { FrameType, ResetCode, ResultCode } from "../wire/frame.ts";
import type { Open } from "../wire/open.ts";
import { type Frames, unexpected } from "./frames.ts";
import { Outgoing } from "./outgoing.ts";
import { ApplicationError, applied, receiveTo, SessionReset, type Traffic } from "./relay.ts";

/** How long the word that a session was aborted may take to leave, in milliseconds. */
const LAST_WORD_TIMEOUT = 1000;

/** Who owns the association has ended it, and the session with it. */
export class HandlerEnding extends MicssError {
  /** An error in words. */
  constructor() {
    super("the handler is ending");
  }
}

/** The server handler did not connect the session to its target. */
export class TargetError extends MicssError {
  /**
   * An error in words.
   *
   * @param code The server handler's answer.
   * @param text What it says beside it; may be empty.
   */
  constructor(readonly code: Exclude<ResultCode, ResultCode.Ok>, text: string) {
    super(text === "" ? ResultCode[code]!.toLowerCase() : text);
  }
}

/**
 * Carries a session whose OPEN was answered, or is about to be, until both directions have ended (docs/PROTOCOL.md 5).
 *
 * Owns the application's connection: closed in order when both directions ended, reset otherwise. The association is left
 * as it is after an orderly end, and is ended after any other, the other side told why where that may help.
 *
 * @param traffic Counts what goes through, as it goes.
 * @param answered When the other side may send: reading waits for it; its failure aborts the session.
 * @param sent What the application says, all of it, on its way. Default: it goes on its way now.
 * @throws Why the session was aborted.
 */
export async function relay(
  application: Connection,
  frames: Frames,
  traffic: Traffic,
  answered: Promise<void> = Promise.resolve(),
  clock: Clock = systemClock,
  sent: Promise<void> = new Outgoing(application, traffic).pump(frames),
): Promise<void> {
  const { association } = frames;
  const received = answered.then(() => receiveTo(application, frames, traffic));
  // A channel that fails while only this side still has to say something is met by who watches: nobody else may be
  // reading or writing. And who ends the association ends the session, whatever its application keeps waiting.
  const withAdmin = received.then(() => Promise.race([sent, watch(frames)]));
  const leaveFairness = fairness.join();
  try {
    await new Promise<unknown>((resolve, reject) => {
      association.ending = () => reject(association.reason ?? new HandlerEnding());
      Promise.all([sent, withAdmin]).then(resolve, reject);
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
 * Waits, after the other side's END, for what is no part of the session any more, and leaves it where it is.
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
 * Ends an association whose session was aborted. The other side is told why unless it knows, and if that takes too long,
 * finds out from its channels.
 */
async function abandon(frames: Frames, error: unknown, clock: Clock): Promise<void> {
  const code = error instanceof ApplicationError
    ? ResetCode.Application
    : error instanceof WireError
    ? ResetCode.Protocol
    : null;
  if (code !== null) {
    const cancel = clock.after(LAST_WORD_TIMEOUT, () => frames.association.abort());
    await frames.send((encoder) => encoder.reset(code)).catch(() => {});
    cancel();
  }
  frames.association.end();
}

/** What an application is told of the session that it asked for. */
export interface Applicant {
  /**
   * Tells it that the session has begun, before the first byte from there. Absent for an application that takes its
   * connection for the session itself.
   */
  readonly accepted?: () => Promise<void>;
  /** Tells it why there is no session, instead, and ends its connection; never rejects. */
  readonly refused: (error: unknown) => Promise<void>;
}

/** The other side did not take the OPEN, and the application has noticed nothing: it may be asked for again. */
export class NotProcessedError extends MicssError {}

/** How {@linkcode request} is to go about it. */
export interface Asking {
  /** Default: an application that is told by a reset. */
  readonly applicant?: Applicant;
  /** What the application says; to be kept by one that may have to ask again. Default: what it says from now on. */
  readonly outgoing?: Outgoing;
  /**
   * Given when the other side may not take the session, and it can be asked for again: because the association was idle
   * before, and may have been given up; or because it is with a worker that may be another by now. Stale when nothing
   * should be said on it before the answer.
   */
  readonly reused?: "lively" | "stale";
}

/**
 * Asks for a session, and carries it: the client handler's part. What the application says follows the OPEN at once,
 * without waiting for the answer; but one that is told of the answer is not listened to before.
 *
 * @throws {NotProcessedError} Only where `reused` is given.
 * @throws {TargetError} When the server handler did not connect the target; and what {@linkcode relay} throws.
 */
export async function request(
  open: Open,
  application: Connection,
  frames: Frames,
  traffic: Traffic,
  clock: Clock = systemClock,
  { applicant, outgoing = new Outgoing(application, traffic), reused }: Asking = {},
): Promise<void> {
  const speaksFirst = applicant?.accepted === undefined && reused !== "stale";
  const answered = ask(open, frames, speaksFirst ? clock : null);
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
  // Not awaited: this function's state would be kept for as long as the session lasts.
  return relay(application, frames, traffic, answered, clock, early ?? outgoing.pump(frames));
}

/**
 * Waits for the answer, or for whatever else {@linkcode relay} is to see.
 *
 * @throws {NotProcessedError} When the other side did not take the OPEN, and whatever was said can be said again.
 */
async function confirmed(
  answered: Promise<void>,
  outgoing: Outgoing,
  early: Promise<void> | undefined,
  frames: Frames,
): Promise<void> {
  // All that was said may be sent before the answer comes; only a failure to read from the application ends the wait.
  const failing = early?.then(() => answered, (error) => error instanceof ApplicationError ? undefined : answered);
  try {
    await Promise.race([answered, failing ?? answered]);
  } catch (error) {
    // Where a channel has failed, the OPEN and what followed it may have reached the target: that must not happen twice.
    const untouched = error instanceof ChannelError && outgoing.unsaid ||
      error instanceof TargetError && error.code === ResultCode.NotProcessed;
    if (!untouched) return;
    frames.association.end();
    throw new NotProcessedError(reasonOf(error), { cause: error });
  }
}

/** How many sessions were asked for and have no answer yet. */
let asking = 0;

/**
 * Asks for a session, and waits for the answer. Alone, an OPEN leaves at once: its target is then connected while the
 * application still has to speak, which gives a fifth more connections one after the other. One of several waits for what
 * its application says, to leave with it: that gives a fifth more with 50 clients.
 *
 * @param clock Given where what the application says may come with the OPEN.
 */
async function ask(open: Open, frames: Frames, clock: Clock | null): Promise<void> {
  const others = asking++ > 0;
  try {
    if (clock === null || !others) await frames.send((encoder) => encoder.open(open));
    else frames.sendSoon((encoder) => encoder.open(open), clock);
    await accepted(frames);
  } finally {
    asking--;
  }
}

/** Waits for the answer. */
async function accepted(frames: Frames): Promise<void> {
  let frame = await frames.receive();
  if (frame?.type === FrameType.Workers) {
    frames.workers = frame.workers;
    frame = await frames.receive();
  }
  // It crossed the OPEN, whose answer follows.
  if (frame?.type === FrameType.Bye) frame = await frames.receive();
  if (frame === null) throw frames.association.reason;
  if (frame.type !== FrameType.Result) throw unexpected(frame, "where RESULT was due");
  if (frame.code !== ResultCode.Ok) throw new TargetError(frame.code, frame.text);
  frames.answered?.();
}

/**
 * Refuses a session that was asked for: the server handler's part. The association is ended once the client has read
 * the answer and closed, or after a second: closing before would reset it under what the client sends, and could take
 * the answer with it.
 */
export async function refuse(frames: Frames, code: ResultCode, text: string, clock: Clock): Promise<void> {
  const cancel = clock.after(LAST_WORD_TIMEOUT, () => frames.association.abort());
  try {
    await frames.send((encoder) => encoder.result(code, text));
    while (await frames.receive() !== null);
  } catch {
    // The client has closed.
  } finally {
    cancel();
    frames.association.end();
  }
}

import { ChannelError } from "../association/channel_error.ts";
import { MicssError, reasonOf } from "../errors/errors.ts";
import type { Connection } from "../net/connection.ts";
import { fairness } from "../net/fairness.ts";
import { TargetError } from "../streams/errors.ts";
import type { Stream } from "../streams/stream.ts";
import { ResetCode, ResultCode } from "../wire/frame.ts";
import { ApplicationError, applied } from "./application_error.ts";
import { Incoming } from "./incoming.ts";
import type { Outgoing } from "./outgoing.ts";

/** The two halves of a session. */
export interface Halves {
  /** From the stream to the application. */
  readonly incoming: Incoming;
  /** Settles when all of the application's bytes have been sent. */
  readonly sent: Promise<void>;
}

/**
 * Relays a session whose OPEN was answered, or is about to be, until both directions have ended (docs/PROTOCOL.md 6).
 *
 * Owns the application's connection: closes it in order when both directions have ended, and resets it otherwise. Resets the
 * stream if the application failed.
 *
 * @throws The reason for which the session was aborted.
 */
export async function relay(application: Connection, stream: Stream, { incoming, sent }: Halves): Promise<void> {
  const leaveFairness = fairness.join();
  try {
    await Promise.all([incoming.run(stream, application), sent]);
    application.close();
  } catch (cause) {
    // A failed stream resets the application's connection, so that this fails too.
    const error = incoming.error ?? cause;
    application.reset();
    abandon(stream, error);
    throw error;
  } finally {
    leaveFairness();
  }
}

/** Resets the stream of an aborted session, unless the other side knows. */
function abandon(stream: Stream, error: unknown): void {
  stream.reset(error instanceof ApplicationError ? ResetCode.Application : ResetCode.Shutdown);
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

/** Options of {@linkcode request}. */
export interface RequestOptions {
  /** Default: an application whose connection is simply reset. */
  readonly applicant?: Applicant;
  /** Source of the application's bytes; keeps them if the request may have to be repeated. */
  readonly outgoing: Outgoing;
  /**
   * Set if the other side may fail to process the OPEN, and the request can then be repeated: because it may be ending, or the
   * association is with a worker that may have been replaced. `stale` sends nothing before the answer.
   */
  readonly reused?: "fresh" | "stale";
  /** Called when the target is connected. */
  readonly answered?: () => void;
}

/** The receiving half of a session that is requested: the receiver of its stream. */
export class Requested extends Incoming {
  /** Settles with the answer to OPEN. */
  readonly answer: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  /** Called by the stream. */
  answered(): void {
    this.answer.resolve();
  }

  /** Called by the stream. */
  override failed(error: Error): void {
    this.answer.reject(error);
    super.failed(error);
  }
}

/**
 * Relays a session whose OPEN was just sent: the client handler's part. The application's bytes follow the OPEN immediately,
 * without waiting for the answer; an application that waits for the answer is not read from before it.
 *
 * @param incoming The stream's receiver.
 * @throws {NotProcessedError} Only where `reused` is given.
 * @throws {TargetError} When the server handler did not connect the target.
 * @throws What {@linkcode relay} throws.
 */
export async function request(
  application: Connection,
  stream: Stream,
  incoming: Requested,
  { applicant, outgoing, reused, answered: onAnswered = () => {} }: RequestOptions,
): Promise<void> {
  const answered = incoming.answer.promise.then(onAnswered);
  const speaksFirst = applicant?.accepted === undefined && reused !== "stale";
  const early = speaksFirst ? outgoing.pump(stream) : undefined;
  // Their failures surface below, or in relay().
  answered.catch(() => {});
  early?.catch(() => {});
  if (reused !== undefined) await confirmed(answered, outgoing, early);
  outgoing.confirm();
  if (applicant?.accepted !== undefined) {
    try {
      await answered;
      await applied(applicant.accepted());
    } catch (error) {
      abandon(stream, error);
      await applicant.refused(error);
      throw error;
    }
  }
  // Not awaited: that would keep this function's state for the whole session.
  return relay(application, stream, { incoming, sent: early ?? outgoing.pump(stream) });
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
): Promise<void> {
  // Sending may finish before the answer comes; only a failure to read from the application ends the wait.
  const failing = early?.then(() => answered, (error) => error instanceof ApplicationError ? undefined : answered);
  try {
    await Promise.race([answered, failing ?? answered]);
  } catch (error) {
    // After a channel failed, the OPEN and the bytes behind it may have reached the target, and must not be repeated.
    const untouched = error instanceof ChannelError && outgoing.unsaid ||
      error instanceof TargetError && error.code === ResultCode.NotProcessed;
    if (untouched) throw new NotProcessedError(reasonOf(error), { cause: error });
  }
}

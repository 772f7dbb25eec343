import { ChannelError } from "../association/channel_error.ts";
import { MicssError, reasonOf } from "../errors/errors.ts";
import type { Connection } from "../net/connection.ts";
import { fairness } from "../net/fairness.ts";
import { TargetError } from "../streams/errors.ts";
import type { Stream } from "../streams/stream.ts";
import { ResetCode, ResultCode } from "../wire/frame.ts";
import { ApplicationError, applied } from "./application_error.ts";
import type { HalfObserver } from "./half.ts";
import { Incoming } from "./incoming.ts";
import type { Outgoing } from "./outgoing.ts";

const NOTHING = () => {};

/** The two halves of a session. */
export interface Halves {
  /** From the stream to the application. */
  readonly incoming: Incoming;
  /** From the application to the stream, which it sends on already. */
  readonly outgoing: Outgoing;
}

/**
 * Relays a session whose OPEN was answered, or is about to be, until both directions have ended (docs/PROTOCOL.md 6).
 *
 * Owns the application's connection: closes it in order when both directions have ended, and resets it otherwise. Resets the
 * stream if the application failed.
 *
 * @throws The reason for which the session was aborted.
 */
export function relay(application: Connection, stream: Stream, { incoming, outgoing }: Halves): Promise<void> {
  // Not an async function, whose state would stay in memory for the whole session.
  return new Promise((resolve, reject) => new Relay(application, stream, incoming, resolve, reject).start(outgoing));
}

class Relay implements HalfObserver {
  readonly #application: Connection;
  readonly #stream: Stream;
  readonly #incoming: Incoming;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  /** Halves that are not over. */
  #left = 2;

  constructor(
    application: Connection,
    stream: Stream,
    incoming: Incoming,
    resolve: () => void,
    reject: (error: Error) => void,
  ) {
    this.#application = application;
    this.#stream = stream;
    this.#incoming = incoming;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(outgoing: Outgoing): void {
    fairness.join();
    this.#incoming.run(this.#stream, this.#application, this);
    outgoing.observe(this);
  }

  ended(): void {
    if (--this.#left !== 0) return;
    fairness.leave();
    this.#application.close();
    this.#resolve();
  }

  failed(cause: Error): void {
    if (this.#left < 0) return;
    this.#left = -1;
    fairness.leave();
    // A failed stream resets the application's connection, so that this fails too.
    const error = this.#incoming.error ?? cause;
    this.#application.reset();
    abandon(this.#stream, error);
    this.#reject(error);
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
  /** Settles with the answer to OPEN; null once it has been awaited. */
  answer: PromiseWithResolvers<void> | null = Promise.withResolvers<void>();

  /** Called by the stream. */
  answered(): void {
    this.answer?.resolve();
  }

  /** Called by the stream. */
  override failed(error: Error): void {
    this.answer?.reject(error);
    super.failed(error);
  }
}

/**
 * Begins a session whose OPEN was just sent: the client handler's part. The application's bytes follow the OPEN immediately,
 * without waiting for the answer; an application that waits for the answer is not read from before it.
 *
 * Then {@linkcode relay} carries the session, and throws what is not thrown here.
 *
 * @param incoming The stream's receiver.
 * @throws {NotProcessedError} Only where `reused` is given.
 * @throws {TargetError} When the server handler did not connect the target, and the application waits for the answer.
 * @throws {ApplicationError} When the answer can't be announced to the application that waits for it.
 * @throws The stream's error, when that fails before the answer and the application waits for it.
 */
export async function request(
  stream: Stream,
  incoming: Requested,
  { applicant, outgoing, reused, answered: onAnswered = NOTHING }: RequestOptions,
): Promise<void> {
  const { promise, reject } = incoming.answer!, answered = promise.then(onAnswered);
  const speaksFirst = applicant?.accepted === undefined && reused !== "stale";
  if (speaksFirst) {
    outgoing.pump(stream);
    // No answer comes, or matters, once reading from the application has failed; relay() throws that.
    outgoing.observe({ ended: NOTHING, failed: reject });
  }
  if (reused === undefined) {
    // Its failure surfaces below, or in relay().
    answered.catch(NOTHING);
  } else {
    await confirmed(answered, () => !speaksFirst || outgoing.unsaid);
    incoming.answer = null;
  }
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
  if (!speaksFirst) outgoing.pump(stream);
  // Not earlier: pump() resends what was kept for another stream.
  outgoing.confirm();
}

/**
 * Waits for the answer, or for a failure that {@linkcode relay} will handle.
 *
 * @param unsaid Returns true if none of the application's bytes have been sent on this stream.
 * @throws {NotProcessedError} When the other side did not process the OPEN, and everything sent can be sent again.
 */
async function confirmed(answered: Promise<void>, unsaid: () => boolean): Promise<void> {
  try {
    await answered;
  } catch (error) {
    // After a channel failed, the OPEN and the bytes behind it may have reached the target, and must not be repeated.
    const untouched = error instanceof ChannelError && unsaid() ||
      error instanceof TargetError && error.code === ResultCode.NotProcessed;
    if (untouched) throw new NotProcessedError(reasonOf(error), { cause: error });
  }
}

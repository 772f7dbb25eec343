import { MicssError } from "../errors/errors.ts";
import { channelsOf } from "../association/association.ts";
import type { Clock } from "../time/clock.ts";
import type { Frames } from "./frames.ts";

/** How long a session's association may be quiet; in milliseconds. */
export interface LivenessLimits {
  /** After so long without sending anything, PING is sent. */
  readonly ping: number;
  /** After so long without hearing anything from a channel that is waited for, it is taken for dead. */
  readonly silence: number;
}

/** No channel of an association brings anything. */
export class Silence extends MicssError {
  /** An error in words. @param ms For how long, in milliseconds. */
  constructor(ms: number) {
    super(`all channels silent for ${ms / 1000} s: the other host, or one path`);
  }
}

const NONE: readonly number[] = [];

/** How often all is looked at, in milliseconds. */
const TICK = 1000;

/** What was seen of an association at the last tick, and for how many ticks it has not changed. */
interface LastSeen {
  sent: number;
  sentFor: number;
  readonly received: number[];
  readonly receivedFor: number[];
  taken: number;
  takenFor: number;
}

/**
 * Finds out which associations have died in silence (docs/PROTOCOL.md 5.6): both sides of a session say something at
 * least every `ping`, so a channel that is read and gives nothing for `silence` is dead, and its session is aborted with
 * an error that names it. A session that is merely idle lives for ever, and one whose application does not take what has
 * come is not judged so: nothing is read from its channels then. That a channel is dead shows then in that a PING can't
 * be sent, at once where the other side is gone, and on a path that has died in silence when the kernel has sent it in
 * vain for a quarter of an hour; the session is aborted if the application takes nothing for `silence` from then on.
 *
 * One timer serves all, and the data path pays nothing: it looks at counters. Time is counted in ticks, so that a machine
 * that slept does not take all its sessions for dead.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #limits: LivenessLimits;
  readonly #watched = new Map<Frames, LastSeen>();
  #forget: (() => void) | null = null;

  /** Watches nothing yet, and has no timer while that is so. */
  constructor(clock: Clock, limits: LivenessLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** How many associations it watches. */
  get size(): number {
    return this.#watched.size;
  }

  /** Watches an association from now on: a session has begun. */
  add(frames: Frames): void {
    const received = frames.association.received;
    const { sent, taken } = frames;
    const receivedFor = received.map(() => 0);
    this.#watched.set(frames, { sent, sentFor: 0, received, receivedFor, taken, takenFor: 0 });
    this.#forget ??= this.#clock.after(TICK, () => this.#tick());
  }

  /** Watches it no more: the session has ended. */
  remove(frames: Frames): void {
    this.#watched.delete(frames);
    if (this.#watched.size > 0) return;
    this.#forget?.();
    this.#forget = null;
  }

  #tick(): void {
    this.#forget = this.#clock.after(TICK, () => this.#tick());
    for (const [frames, seen] of this.#watched) {
      this.#listen(frames, seen);
      this.#speak(frames, seen);
    }
  }

  #speak(frames: Frames, seen: LastSeen): void {
    if (frames.sent !== seen.sent) {
      seen.sent = frames.sent;
      seen.sentFor = 0;
    } else if (++seen.sentFor * TICK >= this.#limits.ping) {
      seen.sentFor = 0;
      frames.ping();
    }
  }

  #listen(frames: Frames, seen: LastSeen): void {
    const { association } = frames;
    let silent = false, late = false;
    // No array is made: this is done for thousands of sessions at once.
    for (let index = 0; index < seen.received.length; index++) {
      const count = association.receivedOn(index);
      const quiet = frames.receiving && association.awaits(index) && count === seen.received[index];
      seen.received[index] = count;
      const ticks = seen.receivedFor[index] = quiet ? seen.receivedFor[index]! + 1 : 0;
      silent ||= ticks * TICK >= this.#limits.silence;
      late ||= ticks * TICK > this.#limits.ping;
    }
    association.suspects = late ? association.stalled : NONE;
    if (silent) this.#giveUp(frames, seen);
    else if (this.#stuck(frames, seen)) association.abort();
  }

  /**
   * Aborts an association of which channels are silent, and names those that are to blame. The other side answers on no
   * channel while one of them brings it nothing; so where all are silent, it is those whose paths have stopped. If that
   * can't be told, none is named.
   */
  #giveUp({ association }: Frames, { receivedFor }: LastSeen): void {
    const silent = [...receivedFor.keys()].filter((at) => receivedFor[at]! * TICK >= this.#limits.silence);
    const all = silent.length === receivedFor.length;
    const stopped = all ? association.stalled : silent;
    if (stopped.length === 0 || all && stopped.length === silent.length) {
      return association.fail(new Silence(this.#limits.silence));
    }
    const [dead, ...others] = stopped;
    const are = others.length > 1 ? "are" : "is";
    const too = others.length > 0 ? `, and so ${are} ${channelsOf(others)}` : "";
    association.channelFailed(dead!, new Error(`silent for ${this.#limits.silence / 1000} s${too}`));
    association.abort();
  }

  /** Whether a channel has failed, and the application has taken nothing of what came before for too long. */
  #stuck(frames: Frames, seen: LastSeen): boolean {
    const waits = frames.association.failure !== null && !frames.receiving && frames.taken === seen.taken;
    seen.takenFor = waits ? seen.takenFor + 1 : 0;
    seen.taken = frames.taken;
    return seen.takenFor * TICK >= this.#limits.silence;
  }
}

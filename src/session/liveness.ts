import { MicssError } from "../errors/errors.ts";
import { channelsOf } from "../association/association.ts";
import type { Clock } from "../time/clock.ts";
import type { Frames } from "./frames.ts";

/** Limits on the silence of an association that serves a session, in milliseconds. */
export interface LivenessLimits {
  /** Idle time after which PING is sent. */
  readonly ping: number;
  /** Time after which a channel that is being read and brings nothing is considered dead. */
  readonly silence: number;
}

/** All channels of an association are silent. */
export class Silence extends MicssError {
  /** Creates the error. @param ms The duration of the silence, in milliseconds. */
  constructor(ms: number) {
    super(`all channels silent for ${ms / 1000} s: the other host or one path has stopped`);
  }
}

const NONE: readonly number[] = [];

/** Interval between two checks, in milliseconds. */
const TICK = 1000;

/** Counters of an association at the last tick, and the number of ticks for which each has not changed. */
interface LastSeen {
  sent: number;
  sentFor: number;
  readonly received: number[];
  readonly receivedFor: number[];
  taken: number;
  takenFor: number;
}

/**
 * Detects associations that died silently (docs/PROTOCOL.md 5.6). Both sides of a session send something at least every
 * `ping`. A channel that is being read and brings nothing for `silence` is therefore dead, and its session is aborted with
 * an error that names it.
 *
 * An idle session lives forever. A session whose application does not accept data is exempt from the rule, because its
 * channels are not being read; a dead channel then shows when a PING can't be sent: immediately if the other side has
 * gone, and after a quarter of an hour of the kernel's retransmissions if the path drops everything. From then on the
 * application has `silence` to accept data, or the session is aborted.
 *
 * One timer serves all associations and only reads counters, so the data path pays nothing. Time is counted in ticks: a
 * machine that wakes from sleep does not consider all its sessions dead.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #limits: () => LivenessLimits;
  readonly #watched = new Map<Frames, LastSeen>();
  #cancel: (() => void) | null = null;

  /**
   * Watches nothing yet; the timer runs only while something is watched.
   *
   * @param limits Returns the current limits; called at every tick.
   */
  constructor(clock: Clock, limits: () => LivenessLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Number of associations being watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Starts watching an association: a session has begun. */
  add(frames: Frames): void {
    const received = frames.association.received;
    const { sent, taken } = frames;
    const receivedFor = received.map(() => 0);
    this.#watched.set(frames, { sent, sentFor: 0, received, receivedFor, taken, takenFor: 0 });
    this.#cancel ??= this.#clock.after(TICK, () => this.#tick());
  }

  /** Stops watching an association: its session has ended. */
  remove(frames: Frames): void {
    this.#watched.delete(frames);
    if (this.#watched.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #tick(): void {
    this.#cancel = this.#clock.after(TICK, () => this.#tick());
    const limits = this.#limits();
    for (const [frames, seen] of this.#watched) {
      checkSilence(frames, seen, limits);
      pingIfIdle(frames, seen, limits);
    }
  }
}

function pingIfIdle(frames: Frames, seen: LastSeen, { ping }: LivenessLimits): void {
  if (frames.sent !== seen.sent) {
    seen.sent = frames.sent;
    seen.sentFor = 0;
  } else if (++seen.sentFor * TICK >= ping) {
    seen.sentFor = 0;
    frames.ping();
  }
}

function checkSilence(frames: Frames, seen: LastSeen, { ping, silence }: LivenessLimits): void {
  const { association } = frames;
  let silent = false, late = false;
  // Allocates no array: this runs for thousands of sessions in one tick.
  for (let index = 0; index < seen.received.length; index++) {
    const count = association.receivedOn(index);
    const quiet = frames.receiving && association.awaits(index) && count === seen.received[index];
    seen.received[index] = count;
    const ticks = seen.receivedFor[index] = quiet ? seen.receivedFor[index]! + 1 : 0;
    silent ||= ticks * TICK >= silence;
    late ||= ticks * TICK > ping;
  }
  association.suspects = late ? association.stalled : NONE;
  if (silent) abortSilent(frames, seen, silence);
  else if (isStuck(frames, seen, silence)) association.abort();
}

/**
 * Aborts an association with silent channels, and names those to blame. While one channel brings the other side nothing,
 * the other side answers on none; so where all are silent, the blame falls on those whose paths have stopped. If the
 * system can't tell, the error names none.
 */
function abortSilent({ association }: Frames, { receivedFor }: LastSeen, silence: number): void {
  const silent = [...receivedFor.keys()].filter((index) => receivedFor[index]! * TICK >= silence);
  const all = silent.length === receivedFor.length;
  const stopped = all ? association.stalled : silent;
  if (stopped.length === 0 || all && stopped.length === silent.length) return association.fail(new Silence(silence));
  const [dead, ...others] = stopped;
  const are = others.length > 1 ? "are" : "is";
  const too = others.length > 0 ? `, and so ${are} ${channelsOf(others)}` : "";
  association.channelFailed(dead!, new Error(`silent for ${silence / 1000} s${too}`));
  association.abort();
}

/** True if a channel has failed, and the application has accepted none of the data received before for `silence`. */
function isStuck(frames: Frames, seen: LastSeen, silence: number): boolean {
  const waits = frames.association.failure !== null && !frames.receiving && frames.taken === seen.taken;
  seen.takenFor = waits ? seen.takenFor + 1 : 0;
  seen.taken = frames.taken;
  return seen.takenFor * TICK >= silence;
}

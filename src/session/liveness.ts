import { MicssError } from "../errors/errors.ts";
import type { Association } from "../association/association.ts";
import { channelsOf } from "../association/channel_error.ts";
import type { Clock } from "../time/clock.ts";
import type { Multiplexer } from "../streams/multiplexer.ts";

/** Limits on the silence of an association with streams, in milliseconds. */
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
  /** True while it had no stream: nothing is expected then. */
  idle: boolean;
}

/**
 * Detects associations that died silently (docs/PROTOCOL.md 6.8). Both sides of an association with streams send something at
 * least every `ping`. A channel that brings nothing for `silence` is therefore dead: it is joined again, or else its association
 * is aborted with an error that names it. Idle sessions live forever, and so do those whose applications accept no data: credit stops these, while
 * their association goes on.
 *
 * One timer serves all associations and only reads counters, so the data path pays nothing. Time is counted in ticks: a
 * machine that wakes from sleep does not consider all its sessions dead.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #limits: () => LivenessLimits;
  readonly #watched = new Map<Multiplexer, LastSeen>();
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

  /** Starts watching an association, whenever it has streams. */
  add(multiplexer: Multiplexer): void {
    const { received } = multiplexer.association;
    const receivedFor = received.map(() => 0);
    this.#watched.set(multiplexer, { sent: multiplexer.sent, sentFor: 0, received, receivedFor, idle: true });
    this.#cancel ??= this.#clock.after(TICK, () => this.#tick());
  }

  /** Stops watching an association, which has ended. */
  remove(multiplexer: Multiplexer): void {
    this.#watched.delete(multiplexer);
    if (this.#watched.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #tick(): void {
    this.#cancel = this.#clock.after(TICK, () => this.#tick());
    const limits = this.#limits();
    for (const [multiplexer, seen] of this.#watched) {
      if (!isWatched(multiplexer)) {
        seen.idle = true;
        continue;
      }
      // A channel that is away, and needed, keeps the others silent.
      if (seen.idle || multiplexer.association.isPaused) begin(multiplexer, seen);
      checkSilence(multiplexer, seen, limits);
      pingIfIdle(multiplexer, seen, limits);
    }
  }
}

/** True if something must arrive: for streams, or the acknowledgement of what is owed, which a silent channel holds up. */
function isWatched(multiplexer: Multiplexer): boolean {
  return multiplexer.size > 0 || multiplexer.acknowledges && multiplexer.inUse;
}

/** Starts counting: the first stream has opened since the last tick. */
function begin({ sent, association }: Multiplexer, seen: LastSeen): void {
  Object.assign(seen, { sent, sentFor: 0, idle: false });
  seen.received.forEach((_, index) => {
    seen.received[index] = association.receivedOn(index);
    seen.receivedFor[index] = 0;
  });
}

function pingIfIdle(multiplexer: Multiplexer, seen: LastSeen, { ping }: LivenessLimits): void {
  if (multiplexer.sent !== seen.sent) {
    seen.sent = multiplexer.sent;
    seen.sentFor = 0;
  } else if (++seen.sentFor * TICK >= ping) {
    seen.sentFor = 0;
    multiplexer.ping();
  }
}

function checkSilence({ association }: Multiplexer, seen: LastSeen, { ping, silence }: LivenessLimits): void {
  let silent = false, late = false;
  // Allocates no array: this may run for thousands of associations in one tick.
  for (let index = 0; index < seen.received.length; index++) {
    const count = association.receivedOn(index);
    const quiet = association.isExpected(index) && count === seen.received[index];
    seen.received[index] = count;
    const ticks = seen.receivedFor[index] = quiet ? seen.receivedFor[index]! + 1 : 0;
    silent ||= ticks * TICK >= silence;
    late ||= ticks * TICK > ping;
  }
  association.suspects = late ? association.stalled : NONE;
  if (silent) giveUpSilent(association, seen, silence);
}

/**
 * Gives up silent channels. While one channel brings the other side nothing, the other side answers on none; so where all are
 * silent, the blame falls on those whose paths have stopped. If the system can't tell, it falls on all.
 */
function giveUpSilent(association: Association, { receivedFor }: LastSeen, silence: number): void {
  const silent = [...receivedFor.keys()].filter((index) => receivedFor[index]! * TICK >= silence);
  const all = silent.length === receivedFor.length - association.away.size;
  const stopped = all ? association.stalled : silent;
  const unknown = stopped.length === 0 || all && stopped.length === silent.length;
  if (unknown && !association.rejoins) return association.fail(new Silence(silence));
  const dead = unknown ? silent : stopped;
  for (const index of dead) {
    const others = dead.filter((other) => other !== index);
    const are = others.length > 1 ? "are" : "is";
    const too = others.length > 0 ? `, and so ${are} ${channelsOf(others)}` : "";
    const cause = new Error(`silent for ${silence / 1000} s${too}`);
    if (association.lost(index, cause) !== null) return association.abort();
  }
}

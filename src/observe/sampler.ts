import type { Clock } from "../time/clock.ts";
import { type ChannelLevel, channelLevels } from "./channel_levels.ts";
import type { ChannelRecord } from "./channel_records.ts";
import type { Activity } from "./activity.ts";

/** Sampling interval, in milliseconds. */
export const INTERVAL = 1000;

/** Number of samples kept: one minute's. */
const MAX_SAMPLES = 60;

/**
 * Minimum time for which a channel is shown as failed, even after recovery, in milliseconds. One that was joined again has
 * cost nothing, and is not.
 */
const FAILURE_SHOWN = 10_000;

/**
 * States of a channel, the most urgent last: in no association; ready; carrying; holding an association up; broken, and
 * awaited by an association; failed with no association made since; given up by an association, as it lied. The page,
 * `micss status` and docs/guide/monitoring.md use the same words.
 */
export const CHANNEL_STATES = ["unused", "idle", "flowing", "stalled", "away", "failed", "lying"] as const;

/** One of {@linkcode CHANNEL_STATES}. */
export type ChannelState = typeof CHANNEL_STATES[number];

/** A channel's level, and its rates over the last interval. */
export interface ChannelSample extends ChannelLevel {
  /** Bytes a second to the other handler. */
  readonly rateOut: number;
  /** Bytes a second from the other handler. */
  readonly rateIn: number;
  /** Its state. */
  readonly state: ChannelState;
}

/** Samples a handler's channels once a second, for rates and for the delay of the event loop. */
export class Sampler {
  readonly #activity: Activity;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  /** Latest last. */
  readonly #samples: ChannelSample[][] = [];
  #sampled: number;
  #lag = 0;
  #cancel: () => void;

  /** Samples from now on, until {@linkcode Sampler.close}. */
  constructor(activity: Activity) {
    this.#activity = activity;
    const clock = this.#clock = activity.clock;
    this.#sampled = clock.now();
    this.#samples.push(this.#sample(1));
    this.#cancel = clock.after(INTERVAL, () => this.#tick());
  }

  /** The channels in the last sample. */
  get channels(): readonly ChannelSample[] {
    return this.#samples.at(-1) ?? [];
  }

  /** The samples of the last minute, latest last. */
  get samples(): readonly (readonly ChannelSample[])[] {
    return this.#samples;
  }

  /** Delay of the last sample, in seconds, for which the event loop was blocked. */
  get loopLag(): number {
    return this.#lag;
  }

  /** Calls `listener` after each sample. @returns Removes the listener. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops sampling. */
  close(): void {
    this.#cancel();
    this.#listeners.clear();
  }

  #tick(): void {
    const now = this.#clock.now();
    const elapsed = now - this.#sampled;
    this.#lag = Math.max(0, elapsed - INTERVAL) / 1000;
    this.#samples.push(this.#sample(elapsed / 1000));
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#sampled = now;
    this.#cancel = this.#clock.after(INTERVAL, () => this.#tick());
    for (const listener of this.#listeners) listener();
  }

  #sample(seconds: number): ChannelSample[] {
    const before = new Map<ChannelRecord, ChannelSample>(this.channels.map((sample) => [sample.record, sample]));
    return channelLevels(this.#activity).map((level) => {
      const last = before.get(level.record) ?? level;
      // Never below 0: an association that fails in the middle of a write takes back bytes already counted.
      const rate = (now: number, then: number) => Math.max(0, now - then) / seconds;
      const sample = { ...level, rateOut: rate(level.sent, last.sent), rateIn: rate(level.received, last.received) };
      return { ...sample, state: this.#stateOf(sample, last) };
    });
  }

  #stateOf(sample: Omit<ChannelSample, "state">, last: ChannelLevel): ChannelState {
    const { failed, associated } = sample.record;
    if (sample.lying > 0) return "lying";
    if (sample.away > 0) return "away";
    if (failed !== null) {
      const isRecent = !failed.waited && this.#clock.now() - failed.at < FAILURE_SHOWN;
      if (isRecent || failed.at > (associated ?? 0)) return "failed";
    }
    if (sample.associations === 0) return "unused";
    const stuckOut = sample.holdsOut && last.holdsOut && sample.rateOut === 0;
    const stuckIn = sample.holdsIn && last.holdsIn && sample.rateIn === 0;
    if (stuckOut || stuckIn) return "stalled";
    return sample.rateOut + sample.rateIn > 0 ? "flowing" : "idle";
  }
}

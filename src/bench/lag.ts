import type { Clock } from "../time/clock.ts";
import type { Activity } from "../observe/activity.ts";
import { channelLevels } from "../observe/channel_levels.ts";

/** Sampling interval, in milliseconds. */
const PERIOD = 10;

/** Samples which channels an association waits for while bytes flow. */
export class Lag {
  /** Number of samples in which there was an association. */
  #samples = 0;
  readonly #held: number[];
  readonly #stop: () => void;

  /**
   * Starts sampling.
   *
   * @param activity Activity of a client handler with one server.
   * @param channels Number of its channels.
   */
  constructor(activity: Activity, channels: number, clock: Clock) {
    this.#held = Array(channels).fill(0);
    let cancel = (): void => {};
    const sample = (): void => {
      this.#sample(activity);
      cancel = clock.after(PERIOD, sample);
    };
    sample();
    this.#stop = () => cancel();
  }

  /**
   * Stops sampling.
   *
   * @returns For each channel, the fraction of time in which only that channel was waited for, 0 to 1.
   */
  stop(): number[] {
    this.#stop();
    return this.#held.map((held) => this.#samples === 0 ? 0 : held / this.#samples);
  }

  #sample(activity: Activity): void {
    const levels = channelLevels(activity);
    const holding = levels.filter(({ holdsIn, holdsOut }) => holdsIn || holdsOut);
    if (levels.some(({ associations }) => associations > 0)) this.#samples++;
    if (holding.length !== 1) return;
    const at = holding[0]!.record.index - 1;
    if (at < this.#held.length) this.#held[at]!++;
  }
}

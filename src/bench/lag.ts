import type { Clock } from "../net/clock.ts";
import type { Activity } from "../observe/activity.ts";
import { channelLevels } from "../observe/channel_levels.ts";

/** How often it is looked, in milliseconds. */
const PERIOD = 10;

/** Looks, while bytes flow, which channels an association waits for. */
export class Lag {
  /** How often it was looked, and at least one channel was waited for. */
  #looks = 0;
  readonly #held: number[];
  readonly #stop: () => void;

  /**
   * Starts to look.
   *
   * @param activity A client handler's, with one server.
   * @param channels How many channels it has.
   */
  constructor(activity: Activity, channels: number, clock: Clock) {
    this.#held = Array(channels).fill(0);
    let forget = (): void => {};
    const look = (): void => {
      this.#look(activity);
      forget = clock.after(PERIOD, look);
    };
    look();
    this.#stop = () => forget();
  }

  /**
   * Stops looking.
   *
   * @returns For each channel, in which part of the time only it was waited for, 0 to 1.
   */
  stop(): number[] {
    this.#stop();
    return this.#held.map((held) => this.#looks === 0 ? 0 : held / this.#looks);
  }

  #look(activity: Activity): void {
    const levels = channelLevels(activity);
    const holding = levels.filter(({ holdsIn, holdsOut }) => holdsIn || holdsOut);
    if (levels.some(({ associations }) => associations > 0)) this.#looks++;
    if (holding.length !== 1) return;
    const at = holding[0]!.record.index - 1;
    if (at < this.#held.length) this.#held[at]!++;
  }
}

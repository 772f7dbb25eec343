import type { Association } from "../association/association.ts";
import { channelAt } from "../association/channel_error.ts";
import type { RejoinEvents } from "../association/rejoin.ts";
import { reasonOf } from "../errors/errors.ts";
import type { Log, LogFields } from "../log/log.ts";
import { Throttled, ThrottledWarning } from "../log/throttled.ts";
import type { Activity } from "./activity.ts";

/** Counts and logs channels that break, and those that are joined again. */
export class ChannelBreaks {
  readonly #activity: Activity;
  readonly #broken: ThrottledWarning;
  readonly #lied: ThrottledWarning;
  readonly #rejoined: Throttled;

  /** Writes to a handler's log. */
  constructor(activity: Activity, log: Log) {
    this.#activity = activity;
    this.#broken = new ThrottledWarning(log, activity.clock, "channel broken");
    this.#lied = new ThrottledWarning(log, activity.clock, "channel lies");
    this.#rejoined = new Throttled((fields) => log.info("channel joined again", fields), activity.clock);
  }

  /** Reports of one association. @param fields Name its other side. */
  of(association: Association, fields: LogFields): RejoinEvents {
    const about = (index: number) => ({
      association: association.id,
      ...fields,
      channel: channelAt(index, association.addresses[index]!),
    });
    return {
      lied: (index) => {
        this.#activity.lied(association, index);
        this.#lied.warn({ ...about(index), reason: "its shares are not those that were sent" });
      },
      broken: (index, cause) => {
        this.#activity.broken(association, index, cause);
        this.#broken.warn({ ...about(index), reason: reasonOf(cause) });
      },
      rejoined: (index, ms) => {
        this.#activity.rejoined(association, index);
        this.#rejoined.report({ ...about(index), ms: Math.round(ms) });
      },
    };
  }
}

import type { Log } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import type { Clock } from "../time/clock.ts";
import { putRoutes, type RoutesOptions } from "./apply.ts";
import type { RoutedChannel } from "./channels.ts";
import { RoutesError } from "./error.ts";
import { isLinkLocal } from "./flows.ts";
import type { Way } from "./plan.ts";
import { describeWay, verifyRoutes } from "./verify.ts";

/** Maximum lines about restored routes per interval of {@linkcode ThrottledWarning}: another program may keep at it. */
const LINES = 3;

/** Number of times that routes are put right until the kernel takes them: the network may change meanwhile. */
const ATTEMPTS = 3;

/** Configures a {@linkcode RoutesWatch}. */
export interface RoutesWatchOptions extends RoutesOptions {
  /** Gets a line when a way changes, and when routes are restored or fail. */
  readonly log: Log;
  /** Source of time. */
  readonly clock: Clock;
}

/** Keeps the routes of channels right while links, addresses and other programs' routes change. */
export class RoutesWatch {
  readonly #options: RoutesWatchOptions;
  readonly #restored: ThrottledWarning;
  #channels: readonly RoutedChannel[] = [];
  /** The last description of each way, by the text that identifies it and the version of IP. */
  #ways = new Map<string, string>();
  #failure = "";

  /** Changes nothing yet. */
  constructor(options: RoutesWatchOptions) {
    this.#options = options;
    this.#restored = new ThrottledWarning(options.log, options.clock, "routes restored", LINES);
  }

  /**
   * Puts the routes of channels in place, and keeps them right from now on.
   *
   * @returns Their ways.
   * @throws {RoutesError} If that fails.
   */
  async keep(channels: readonly RoutedChannel[]): Promise<readonly Way[]> {
    const { ways } = await putRoutes(channels, this.#options);
    this.#channels = channels;
    this.#ways = descriptionsOf(ways);
    return ways;
  }

  /** Checks once: puts right what differs, reports it, and asks the kernel whether each channel takes its way. */
  async check(): Promise<void> {
    const { log, ip } = this.#options;
    try {
      let complaints: string[] = [];
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const ways = await this.#putRight();
        complaints = await verifyRoutes(ip, ways);
        if (complaints.length === 0) break;
      }
      if (complaints.length > 0) throw new RoutesError(complaints.join("; "));
      this.#failure = "";
    } catch (error) {
      if (!(error instanceof RoutesError)) throw error;
      if (error.message !== this.#failure) log.error("routes failed", { reason: error.message });
      this.#failure = error.message;
    }
  }

  /** Puts the routes in place again, and reports each way that has changed. @returns The ways. */
  async #putRight(): Promise<readonly Way[]> {
    const { log } = this.#options;
    const { ways, changes } = await putRoutes(this.#channels, this.#options);
    const [before, now] = [this.#ways, descriptionsOf(ways)];
    this.#ways = now;
    const changed = [...now].filter(([key, way]) => before.get(key) !== way);
    for (const [key, way] of changed) {
      const fields = { via: key.split(" ")[0]!, way, before: before.get(key) };
      if (way.startsWith("nowhere")) log.warn("way lost", fields);
      else log.info("way changed", fields);
    }
    if (changes > 0 && changed.length === 0) this.#restored.warn({ reason: "another program changed them", changes });
    return ways;
  }
}

/** One line for each way: its route, and the addresses that its packets have. */
function descriptionsOf(ways: readonly Way[]): Map<string, string> {
  return new Map(ways.map((way) => {
    const { channel: { via, family }, sources } = way;
    const text = describeWay(way);
    const addresses = text.startsWith("nowhere") ? [] : sources.filter((source) => !isLinkLocal(source));
    return [`${via} ${family}`, [text, ...addresses.map((source) => `from ${source}`)].join(", ")];
  }));
}

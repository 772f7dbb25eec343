import { reasonOf } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import { ownAddresses } from "../net/own_hosts.ts";
import type { RoutedChannel } from "../routes/channels.ts";
import { keptApart } from "../routes/kept.ts";
import type { Clock } from "../time/clock.ts";
import type { ChannelRoutes } from "./observable.ts";
import { type Check, Inconclusive } from "./readiness.ts";

/** Interval between checks, in milliseconds. */
const INTERVAL = 5_000;

/** Delay before a failed check is confirmed, in milliseconds: routes may be about to change. */
const CONFIRMATION_DELAY = 500;

/** Maximum number of channels that are checked. */
const MAX_CHANNELS = 128;

/** Options of {@linkcode RoutesMonitor}. */
export interface RoutesMonitorOptions {
  /** Lists the channels to check, of the current configuration. */
  readonly channels: () => Promise<readonly RoutedChannel[]>;
  /** Reports channels even if routes have never kept them apart. */
  readonly always: boolean;
  /** Gets a line when routes keep a channel apart no longer, and when they do so again. */
  readonly log: Log;
  /** Measures intervals. */
  readonly clock: Clock;
  /** Checks a channel. Default: {@linkcode keptApart}. */
  readonly check?: typeof keptApart;
}

/** Reports whether routes keep each channel on its own link, without any privilege. */
export class RoutesMonitor {
  readonly #options: RoutesMonitorOptions;
  /** Channels that have been kept apart, by their names. */
  readonly #kept = new Set<string>();
  #routes: readonly ChannelRoutes[] = [];
  #cancel: () => void = () => {};
  #closed = false;

  /** Starts to check. */
  constructor(options: RoutesMonitorOptions) {
    this.#options = options;
    this.#run();
  }

  /** Results of the last check; undefined if there are none. */
  get routes(): readonly ChannelRoutes[] | undefined {
    return this.#routes.length === 0 ? undefined : this.#routes;
  }

  /** Checks of readiness, one for each channel. */
  get checks(): Check[] {
    let looking: Promise<ChannelRoutes[]> | undefined;
    return this.#routes.map(({ server, channel }) => ({
      name: `routes of channel ${channel}${server === "" ? "" : ` of ${server}`}`,
      need: "none",
      run: async () => {
        looking ??= this.#look();
        const now = (await looking).find((one) => one.server === server && one.channel === channel);
        if (now === undefined) throw new Inconclusive("the system can't tell");
        if (now.reason !== undefined) throw new Error(now.reason);
      },
    }));
  }

  /** Stops checking. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    let routes = await this.#look();
    if (routes.some(({ kept }) => !kept)) {
      await clock.sleep(CONFIRMATION_DELAY);
      if (this.#closed) return;
      routes = await this.#look();
    }
    if (this.#closed) return;
    this.#note(routes);
    this.#cancel = clock.after(INTERVAL, () => this.#run());
  }

  /** Checks all channels now: a channel with several addresses is kept apart if it is at each of them. */
  async #look(): Promise<ChannelRoutes[]> {
    const { always, check = keptApart } = this.#options;
    let channels: readonly RoutedChannel[];
    try {
      channels = (await this.#options.channels()).slice(0, MAX_CHANNELS);
    } catch (error) {
      this.#options.log.debug("routes not checked", { reason: reasonOf(error) });
      return [];
    }
    const own = ownAddresses();
    return [...Map.groupBy(channels, ({ name }) => name)].flatMap(([name, same]): ChannelRoutes[] => {
      const answers = same.map((channel) => check(channel, own));
      const reason = answers.find((answer) => typeof answer === "string");
      if (reason === undefined && answers.includes(undefined)) return [];
      if (reason === undefined) this.#kept.add(name);
      else if (!always && !this.#kept.has(name)) return [];
      const { server, index } = same[0]!;
      return [{ server, channel: index, kept: reason === undefined, ...reason !== undefined && { reason } }];
    });
  }

  #note(routes: readonly ChannelRoutes[]): void {
    const { log } = this.#options;
    for (const { server, channel, kept, reason } of routes) {
      const before = this.#routes.find((one) => one.server === server && one.channel === channel);
      const fields = { ...server !== "" && { server }, channel };
      if (!kept && reason !== before?.reason) log.warn("channel not kept apart", { ...fields, reason });
      if (kept && before?.kept === false) log.info("channel kept apart again", fields);
    }
    this.#routes = routes;
  }
}

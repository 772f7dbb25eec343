import { reasonOf } from "../errors/errors.ts";
import type { Clock } from "../time/clock.ts";
import { NotLookedAt } from "../observe/readiness.ts";
import type { Log } from "../log/log.ts";

/** How often to look, in milliseconds. */
const INTERVAL = 5_000;

/** How soon to look again before a loss is believed, in milliseconds: the first look may have come at a busy moment. */
const SECOND_LOOK = 500;

/** What {@linkcode RulesMonitor} needs. */
export interface RulesMonitorOptions {
  /** Looks whether rules are in place; rejects as {@linkcode RulesInPlace.verify} does. */
  readonly look: () => Promise<void>;
  /** Gets a line when they are lost, and when they are there again. */
  readonly log: Log;
  /** Tells time. */
  readonly clock: Clock;
}

/** Notices by itself that rules which lead connections to a client handler are lost: applications then pass it by. */
export class RulesMonitor {
  readonly #options: RulesMonitorOptions;
  #inPlace: boolean | undefined;
  #reason = "";
  #cancel: () => void = () => {};
  #closed = false;

  /** Looks from now on. */
  constructor(options: RulesMonitorOptions) {
    this.#options = options;
    this.#run();
  }

  /** Whether they were in place at the last look; undefined where that can't be told. */
  get inPlace(): boolean | undefined {
    return this.#inPlace;
  }

  /** Looks no more. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #run(): Promise<void> {
    let found = await this.#look();
    if (found instanceof Error) {
      await new Promise<void>((resolve) => this.#cancel = this.#options.clock.after(SECOND_LOOK, resolve));
      found = await this.#look();
    }
    if (this.#closed) return;
    this.#note(found);
    this.#cancel = this.#options.clock.after(INTERVAL, () => this.#run());
  }

  /** True when they are in place, why when they are not, undefined when that can't be told. */
  async #look(): Promise<true | Error | undefined> {
    try {
      await this.#options.look();
      return true;
    } catch (error) {
      if (error instanceof NotLookedAt) return undefined;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #note(found: true | Error | undefined): void {
    const { log } = this.#options;
    const reason = found instanceof Error ? reasonOf(found) : "";
    if (reason !== "" && reason !== this.#reason) {
      log.warn("rules not in place", { reason, meanwhile: "applications may connect in the clear" });
    }
    if (found === true && this.#inPlace === false) log.info("rules in place again");
    this.#reason = reason;
    this.#inPlace = found instanceof Error ? false : found;
  }
}

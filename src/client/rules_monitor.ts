import { reasonOf } from "../errors/errors.ts";
import type { Clock } from "../time/clock.ts";
import { Inconclusive } from "../observe/readiness.ts";
import type { Log } from "../log/log.ts";

/** Interval between checks, in milliseconds. */
const INTERVAL = 5_000;

/** Delay before a failed check is confirmed, in milliseconds: the first may have failed because the machine was busy. */
const CONFIRMATION_DELAY = 500;

/** Options of {@linkcode RulesMonitor}. */
export interface RulesMonitorOptions {
  /** Checks the rules; rejects as {@linkcode RulesInPlace.verify}. */
  readonly check: () => Promise<void>;
  /** Gets a line when rules are lost, and when they are back. */
  readonly log: Log;
  /** Measures intervals. */
  readonly clock: Clock;
}

/** Reports the loss of the rules that redirect applications to a client handler: they may then connect in the clear. */
export class RulesMonitor {
  readonly #options: RulesMonitorOptions;
  #inPlace: boolean | undefined;
  #reason = "";
  #cancel: () => void = () => {};
  #closed = false;

  /** Starts to check. */
  constructor(options: RulesMonitorOptions) {
    this.#options = options;
    this.#run();
  }

  /** Result of the last check; undefined if it can't be determined. */
  get inPlace(): boolean | undefined {
    return this.#inPlace;
  }

  /** Stops checking. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #run(): Promise<void> {
    let result = await this.#check();
    if (result instanceof Error) {
      await this.#options.clock.sleep(CONFIRMATION_DELAY);
      if (this.#closed) return;
      result = await this.#check();
    }
    if (this.#closed) return;
    this.#note(result);
    this.#cancel = this.#options.clock.after(INTERVAL, () => this.#run());
  }

  /** Returns true, the error, or undefined if the result can't be determined. */
  async #check(): Promise<true | Error | undefined> {
    try {
      await this.#options.check();
      return true;
    } catch (error) {
      if (error instanceof Inconclusive) return undefined;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #note(result: true | Error | undefined): void {
    const { log } = this.#options;
    const reason = result instanceof Error ? reasonOf(result) : "";
    if (reason !== "" && reason !== this.#reason) {
      log.warn("rules not in place", { reason, meanwhile: "applications may connect in the clear" });
    }
    if (result === true && this.#inPlace === false) log.info("rules in place again");
    this.#reason = reason;
    this.#inPlace = result instanceof Error ? false : result;
  }
}

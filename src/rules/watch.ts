import { formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { probesOf, putRules, tryRules } from "./apply.ts";
import type { Backend } from "./backend.ts";
import type { Probe } from "./probe.ts";
import type { Ruleset } from "./ruleset.ts";
import { RulesError, type Tools } from "./tools.ts";

/** The rest after a trial that failed, in milliseconds. */
const TRIAL_INTERVAL = 10_000;

/** Lines about rules put back in each interval of {@linkcode ThrottledWarning}: another program may insist on its own. */
const LINES = 3;

/** What {@linkcode RulesWatch} needs. */
export interface WatchOptions {
  /** How rules are made here. */
  readonly backend: Backend;
  /** Runs its programs. */
  readonly tools: Tools;
  /** Gets a line when rules are put back, tried, or fail. */
  readonly log: Log;
  /** Tells time. */
  readonly clock: Clock;
}

/** Keeps a ruleset in place, whatever other programs do to it, and tries it as soon as there is a route. */
export class RulesWatch {
  readonly #options: WatchOptions;
  readonly #putBack: ThrottledWarning;
  #ruleset: Ruleset | undefined;
  /** The rules as the tool shows them when they are in place. */
  #expected = "";
  #untried: readonly Probe[] = [];
  #nextTrial = 0;
  #failure = "";

  /** Puts nothing in place yet. */
  constructor(options: WatchOptions) {
    this.#options = options;
    this.#putBack = new ThrottledWarning(options.log, options.clock, "rules put back", LINES);
  }

  /**
   * Puts a ruleset in place, to be kept there from now on.
   *
   * @param hosts The servers' addresses.
   * @throws {RulesError} When that fails; the ruleset before it is kept.
   */
  async keep(ruleset: Ruleset, hosts: readonly string[]): Promise<void> {
    const { backend, tools } = this.#options;
    await putRules(ruleset, backend, tools);
    this.#expected = (await backend.read(ruleset.side)).text;
    this.#ruleset = ruleset;
    this.#untried = probesOf(ruleset, hosts);
    this.#nextTrial = 0;
  }

  /** Looks once: puts the rules back where they are not as they should be, and tries what is untried. */
  async look(): Promise<void> {
    const { backend, tools, log, clock } = this.#options;
    const ruleset = this.#ruleset;
    if (ruleset === undefined) return;
    try {
      const { present, text } = await backend.read(ruleset.side);
      if (text !== this.#expected) {
        await putRules(ruleset, backend, tools);
        this.#putBack.warn({ reason: `another program ${present ? "changed" : "removed"} them` });
      }
      if (this.#untried.length > 0 && clock.now() >= this.#nextTrial) await this.#try(ruleset);
      this.#failure = "";
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      if (error.message !== this.#failure) log.error("rules fail", { reason: error.message });
      this.#failure = error.message;
    }
  }

  async #try(ruleset: Ruleset): Promise<void> {
    const { backend, tools, log, clock } = this.#options;
    this.#nextTrial = clock.now() + TRIAL_INTERVAL;
    const { proven, unproven } = await tryRules(ruleset, backend, tools, this.#untried);
    // Without a route nothing was changed, so that the next look may try again.
    this.#nextTrial = 0;
    this.#untried = unproven;
    for (const { to } of proven) log.info("rules work", { tried: formatAddress(to) });
  }
}

import { formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "../log/log.ts";
import { ThrottledWarning } from "../log/throttled.ts";
import { probesOf, putRules, tryRules } from "./apply.ts";
import type { Backend, InstalledRules } from "./backend.ts";
import { Installed } from "./installed.ts";
import type { Probe } from "./probe.ts";
import type { Ruleset } from "./ruleset.ts";
import { RulesError, type Tools } from "./tools.ts";

/** Pause after a failed trial, in milliseconds. */
const TRIAL_INTERVAL = 10_000;

/** Maximum lines about restored rules per interval of {@linkcode ThrottledWarning}: another program may keep at it. */
const LINES = 3;

/** Configures a {@linkcode RulesWatch}. */
export interface RulesWatchOptions {
  /** Makes the rules. */
  readonly backend: Backend;
  /** Runs its programs. */
  readonly tools: Tools;
  /** Gets a line when rules are restored, verified, or fail. */
  readonly log: Log;
  /** Source of time. */
  readonly clock: Clock;
}

/** Keeps a ruleset in place when other programs change it, and verifies it as soon as there is a route. */
export class RulesWatch {
  readonly #options: RulesWatchOptions;
  readonly #restored: ThrottledWarning;
  #ruleset: Ruleset | undefined;
  /** The installed rules in the tool's notation. */
  #expected = "";
  #untested: readonly Probe[] = [];
  #nextTrial = 0;
  #failure = "";

  /** Installs nothing yet. */
  constructor(options: RulesWatchOptions) {
    this.#options = options;
    this.#restored = new ThrottledWarning(options.log, options.clock, "rules restored", LINES);
  }

  /**
   * Installs a ruleset, and keeps it in place from now on.
   *
   * @param hosts The servers' addresses.
   * @param rules The installed rules, if they have just been read.
   * @throws {RulesError} If that fails; the previous ruleset is kept.
   */
  async keep(ruleset: Ruleset, hosts: readonly string[], rules?: InstalledRules): Promise<void> {
    const { backend, tools } = this.#options;
    await putRules(ruleset, backend, tools, rules);
    this.#expected = (await Installed.readFor(ruleset, backend, tools)).text;
    this.#ruleset = ruleset;
    this.#untested = probesOf(ruleset, hosts);
    this.#nextTrial = 0;
  }

  /** Checks once: restores the rules if they have changed, and verifies those not yet verified. */
  async check(): Promise<void> {
    const { backend, tools, log, clock } = this.#options;
    const ruleset = this.#ruleset;
    if (ruleset === undefined) return;
    try {
      const { rules, text } = await Installed.readFor(ruleset, backend, tools);
      if (text !== this.#expected) {
        await putRules(ruleset, backend, tools, rules);
        this.#restored.warn({ reason: `another program ${rules.present ? "changed" : "removed"} them` });
      }
      if (this.#untested.length > 0 && clock.now() >= this.#nextTrial) await this.#try(ruleset);
      this.#failure = "";
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      if (error.message !== this.#failure) log.error("rules failed", { reason: error.message });
      this.#failure = error.message;
    }
  }

  async #try(ruleset: Ruleset): Promise<void> {
    const { backend, log, clock } = this.#options;
    this.#nextTrial = clock.now() + TRIAL_INTERVAL;
    const { verified, untested } = await tryRules(ruleset, backend, this.#untested);
    // Without a route nothing was changed, so the next check may try again.
    this.#nextTrial = 0;
    this.#untested = untested;
    for (const { to, protocol } of verified) {
      log.info("rules verified", { tried: formatAddress(to), ...protocol === "udp" && { protocol } });
    }
  }
}

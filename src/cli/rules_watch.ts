import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../errors/errors.ts";
import { UsageError } from "../config/problems.ts";
import { systemClock } from "../time/clock.ts";
import { systemManager } from "../observe/notify.ts";
import { availableBackends, chooseBackend, RulesWatch, systemTools } from "../rules/mod.ts";
import { environment } from "../config/environment.ts";
import { ProcessLog } from "../run/process_log.ts";
import type { Plan } from "./rules_args.ts";
import { SystemSignals } from "../run/signals.ts";

/** Interval of checks, in milliseconds: the longest time that rules removed by another program stay absent. */
const INTERVAL = 1000;

/**
 * Keeps rules in place until SIGTERM or SIGINT, and leaves them in place then. SIGHUP reloads the settings.
 *
 * @param load Reads the settings. @throws {UsageError} With a line for each mistake.
 * @returns The exit status.
 * @throws {RulesError} When the rules can't be put in place at the start.
 */
export async function watchRules(load: () => Promise<Plan>): Promise<number> {
  using signals = new SystemSignals(["SIGINT", "SIGTERM", "SIGHUP"]);
  const { ruleset, flavour, hosts, notes, log: logging } = await load();
  await using logs = new ProcessLog(logging);
  // Every line is about the watch itself, so `quiet` keeps them all.
  const log = logs.lifecycle;
  const { backend, rules } = await chooseBackend(availableBackends(systemTools), flavour, ruleset);
  const watch = new RulesWatch({ backend, tools: systemTools, log, clock: systemClock });
  await watch.keep(ruleset, hosts, rules);
  for (const note of notes) log.warn("rules", { note });
  log.info("rules in place", { rules: ruleset.side, flavour: backend.flavour });
  using manager = systemManager(environment, log);
  manager.ready("Rules in place");
  const reload = async () => {
    manager.reloading();
    try {
      const plan = await load();
      await watch.keep(plan.ruleset, plan.hosts);
      logs.config = plan.log;
      log.info("reloaded");
      manager.ready("Rules in place");
    } catch (error) {
      const reasons = error instanceof UsageError ? error.lines : [reasonOf(error)];
      for (const reason of reasons) log.error("not reloaded", { reason });
      manager.ready(`Rules in place with the previous settings: ${reasons[0]}`);
    }
  };
  let next = signals.next();
  for (;;) {
    await watch.check();
    // Not clock.sleep(): nothing else keeps the process alive.
    const signal = await Promise.race([next, sleep(INTERVAL, undefined)]);
    if (signal === undefined) continue;
    if (signal !== "SIGHUP") {
      manager.stopping(0);
      log.info("ended", { signal, rules: "stay in place" });
      return 0;
    }
    await reload();
    next = signals.next();
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { environment } from "../config/environment.ts";
import { UsageError } from "../config/problems.ts";
import { reasonOf } from "../errors/errors.ts";
import { systemManager } from "../observe/notify.ts";
import { describeWay, NetworkMonitor, RoutesWatch, systemIp } from "../routes/mod.ts";
import { ProcessLog } from "../run/process_log.ts";
import { SystemSignals } from "../run/signals.ts";
import { systemClock } from "../time/clock.ts";
import type { RoutesSettings } from "./routes_args.ts";

/** Interval of checks without a change of the network, in milliseconds. */
const INTERVAL = 5000;

/** Time between a change and its check, in milliseconds: changes come in groups. */
const PAUSE = 50;

/** Interval at which names are resolved again, in milliseconds. */
const RESOLVE_INTERVAL = 60_000;

/**
 * Keeps routes right until SIGTERM or SIGINT, and leaves them in place then. SIGHUP reloads the settings.
 *
 * @param load Reads the settings. @throws {UsageError} With a line for each mistake.
 * @returns The exit status.
 * @throws {RoutesError} When the routes can't be put in place at the start.
 */
export async function watchRoutes(load: () => RoutesSettings): Promise<number> {
  using signals = new SystemSignals(["SIGINT", "SIGTERM", "SIGHUP"]);
  let settings = load();
  let channels = await settings.channels(), resolved = systemClock.now();
  await using logs = new ProcessLog(settings.log);
  // Every line is about the watch itself, so `quiet` keeps them all.
  const log = logs.lifecycle;
  await using monitor = new NetworkMonitor();
  const watch = new RoutesWatch({ ip: systemIp, side: settings.side, log, clock: systemClock });
  for (const way of await watch.keep(channels)) log.info("route", { channel: way.channel.name, way: describeWay(way) });
  log.info("routes in place", { routes: settings.side, channels: new Set(channels.map(({ name }) => name)).size });
  using manager = systemManager(environment, log);
  manager.ready("Routes in place");
  const reload = async () => {
    manager.reloading();
    try {
      const next = load();
      channels = await next.channels();
      await watch.keep(channels);
      settings = next;
      logs.config = next.log;
      log.info("reloaded");
      manager.ready("Routes in place");
    } catch (error) {
      const reasons = error instanceof UsageError ? error.lines : [reasonOf(error)];
      for (const reason of reasons) log.error("not reloaded", { reason });
      manager.ready(`Routes in place with the previous settings: ${reasons[0]}`);
    }
  };
  const resolve = async () => {
    if (!settings.named || systemClock.now() - resolved < RESOLVE_INTERVAL) return;
    resolved = systemClock.now();
    // A name that does not resolve now keeps its addresses.
    const next = await settings.channels().catch(() => channels);
    if (JSON.stringify(next) === JSON.stringify(channels)) return;
    await watch.keep(channels = next);
    log.info("addresses of names changed", {
      channels: channels.map(({ packets }) => Object.values(packets)[0]).join(),
    });
  };
  let signalled = signals.next(), changed = monitor.next();
  for (;;) {
    await watch.check();
    // Not clock.sleep(): nothing else keeps the process alive.
    const event = await Promise.race([signalled, changed.then(() => "changed" as const), sleep(INTERVAL, undefined)]);
    if (event === "changed") {
      await sleep(PAUSE);
      changed = monitor.next();
    } else if (event === "SIGHUP") {
      await reload();
      signalled = signals.next();
    } else if (event !== undefined) {
      manager.stopping(0);
      log.info("ended", { signal: event, routes: "stay in place" });
      return 0;
    }
    await resolve().catch((error) => log.error("routes failed", { reason: reasonOf(error) }));
  }
}

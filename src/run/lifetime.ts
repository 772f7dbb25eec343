import { reasonOf } from "../errors/errors.ts";
import { UsageError } from "../config/problems.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { StartError } from "../net/listen/listen.ts";
import type { Check } from "../observe/readiness.ts";
import type { Log, LogFields } from "../log/log.ts";
import { type Manager, NO_MANAGER, systemManager } from "../observe/notify.ts";
import { environment } from "../config/environment.ts";
import { HandlerView, type View } from "../observe/view.ts";
import { single } from "../workers/worker_group.ts";
import { Supervisor } from "./supervisor.ts";
import { ProcessLog } from "./process_log.ts";
import { type Signals, SystemSignals } from "./signals.ts";
import { startWithRetries } from "./start.ts";
import { VERSION } from "./version.ts";
import { sameAdmin, withAdmin } from "./with_admin.ts";
import type { Handler, Loaded, Program } from "./program.ts";

/** A handler in this event loop, or all workers as one. */
interface RunningHandler<L> {
  readonly handler: Handler;
  readonly listening: LogFields;
  view(): View;
  checks(loaded: L): readonly Check[];
  /** @returns Changed settings that need a restart. */
  reload(loaded: L): string[] | Promise<string[]>;
  /** Resolves unless a worker hangs. */
  readonly alive?: () => Promise<void>;
  /** Rejects when the handler can't go on. */
  readonly failed: Promise<never>;
}

/**
 * Starts a handler and runs it until a signal ends it. SIGHUP reloads its configuration.
 *
 * @returns The exit status: 1 when the handler could not start, otherwise that of {@linkcode runUntilSignal}.
 * @throws {UsageError} When the configuration is wrong at the start.
 */
export async function runHandler<L extends Loaded>(program: Program<L>): Promise<number> {
  using signals = new SystemSignals(["SIGINT", "SIGTERM", "SIGHUP"]);
  const hasTerminal = Deno.stdin.isTerminal();
  let loaded = await program.load();
  await using logs = new ProcessLog(loaded.config.log);
  const { recent, lifecycle: log } = logs;
  const { admin, workers } = loaded.config;
  let started: RunningHandler<L> | undefined, handler: Handler;
  try {
    const running = started = workers > 1
      ? await startWorkers(program, workers, logs.handler)
      : await startSingle(program, loaded, logs.handler);
    handler = await withAdmin(admin, {
      handler: running.handler,
      view: () => logs.view(running.view()),
      checks: () => running.checks(loaded),
      recent,
      log,
      replace: loaded.replace,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error("can't start", { reason: error.message });
    await started?.handler.close();
    return 1;
  }
  const workerCount = workers > 1 ? { workers } : {};
  log.info("ready", { ...started.listening, ...workerCount, version: VERSION, pid: Deno.pid });
  const { reload, failed, alive } = started;
  using manager = systemManager(environment, log, alive);
  manager.ready("Ready");
  const ended = runUntilSignal(handler, log, signals, {
    manager,
    async reload() {
      const next = await program.load();
      const restartNeeded = await reload(next);
      if (!sameAdmin(next.config.admin, admin)) restartNeeded.push("admin");
      if (next.config.workers !== workers) restartNeeded.push("workers");
      const changed = program.differences(loaded, next).filter((setting) => !restartNeeded.includes(setting));
      loaded = next;
      logs.config = next.config.log;
      return { changed, restartNeeded };
    },
    drain: () => loaded.config.timeouts.drain,
    terminalGone: () => hasTerminal && !Deno.stdin.isTerminal(),
  });
  try {
    return await Promise.race([ended, failed]);
  } catch (error) {
    // The other workers end with the process: their sessions can't be told from the lost ones. The service manager
    // restarts the process.
    log.error("worker failed", { reason: reasonOf(error) });
    return 1;
  }
}

async function startSingle<L extends Loaded>(program: Program<L>, loaded: L, log: Log): Promise<RunningHandler<L>> {
  const started = await startWithRetries(program, loaded, log, single());
  const view = () => new HandlerView(started.handler, VERSION);
  return { ...started, view, failed: Promise.withResolvers<never>().promise };
}

async function startWorkers<L extends Loaded>(
  { command, args }: Program<L>,
  count: number,
  log: Log,
): Promise<RunningHandler<L>> {
  const supervisor = await Supervisor.start({ command, args, count, log });
  return {
    handler: supervisor,
    listening: supervisor.listening,
    view: () => supervisor.view(),
    checks: () => supervisor.checks(),
    reload: () => supervisor.reload(),
    alive: () => supervisor.alive(),
    failed: supervisor.failed,
  };
}

/** Settings that a reload found changed, by their keys in the file. */
export interface Reloaded {
  /** Settings in use now. */
  readonly changed: readonly string[];
  /** Settings that need a restart. */
  readonly restartNeeded: readonly string[];
}

/** Options of {@linkcode runUntilSignal}. */
export interface RunOptions {
  /**
   * Loads and applies the configuration again.
   *
   * @throws {UsageError} When it is wrong; nothing has changed then.
   */
  reload(): Promise<Reloaded>;
  /** Current time for sessions to finish at the end, in milliseconds. */
  drain(): number;
  /** The terminal has gone, so that SIGHUP has its original meaning and ends the handler. */
  terminalGone(): boolean;
  /** Service manager to notify of reloads and the end. Default: none. */
  readonly manager?: Manager;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Runs a handler until SIGTERM or SIGINT. Then stops listening, lets sessions finish until the deadline, and resets the
 * rest; a second signal cuts this short. SIGHUP reloads, until the first of these signals.
 *
 * @returns The exit status: 0 when every session finished, 1 when some were reset.
 */
export async function runUntilSignal(
  handler: Handler,
  log: Log,
  signals: Signals,
  options: RunOptions,
): Promise<number> {
  let signal = await signals.next();
  for (; signal === "SIGHUP" && !options.terminalGone(); signal = await signals.next()) await reload(options, log);
  handler.stopListening();
  const drain = options.drain();
  options.manager?.stopping(drain);
  log.info("ending", { signal, "drain-ms": drain });
  const deadline = Promise.withResolvers<string>();
  const cancel = (options.clock ?? systemClock).after(drain, () => deadline.resolve("the deadline"));
  const cutShortBy = await Promise.race([
    handler.idle().then(() => undefined),
    secondSignal(signals),
    deadline.promise,
  ]);
  cancel();
  await handler.close();
  log.info("ended", { drained: cutShortBy === undefined, "cut-short-by": cutShortBy });
  return cutShortBy === undefined ? 0 : 1;
}

async function reload(options: RunOptions, log: Log): Promise<void> {
  const { manager = NO_MANAGER } = options;
  manager.reloading();
  try {
    const { changed, restartNeeded } = await options.reload();
    log[restartNeeded.length > 0 ? "warn" : "info"]("reloaded", {
      changed: changed.join() || "nothing",
      "restart-needed": restartNeeded.join() || undefined,
    });
    manager.ready(restartNeeded.length > 0 ? `Ready; restart needed for ${restartNeeded.join(", ")}` : "Ready");
  } catch (error) {
    const reasons = error instanceof UsageError ? error.lines : [reasonOf(error)];
    for (const reason of reasons) log.error("not reloaded", { reason });
    manager.ready(`Ready with the previous settings: ${reasons[0]}`);
  }
}

async function secondSignal(signals: Signals): Promise<string> {
  while (await signals.next() === "SIGHUP");
  return "a second signal";
}

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
import { startPatiently } from "./start.ts";
import { VERSION } from "./version.ts";
import { sameAdmin, withAdmin } from "./with_admin.ts";
import { Handler, Loaded, Program } from "./program.ts";

/** What the process's main event loop holds: a handler, or all its workers. */
interface Run<L> {
  readonly handler: Handler;
  readonly listening: LogFields;
  view(): View;
  checks(loaded: L): readonly Check[];
  reload(loaded: L): string[] | Promise<string[]>;
  /** Resolves when nothing hangs. */
  readonly alive?: () => Promise<void>;
  /** Rejects when it can't go on. */
  readonly failed: Promise<never>;
}

/**
 * Starts a handler and runs it until it is told to end. At SIGHUP it reads all that it is told again.
 *
 * @returns The exit status: 1 when it could not start, else as {@linkcode runUntilSignal}.
 * @throws {UsageError} When what it is told at the start is wrong.
 */
export async function runHandler<L extends Loaded>(program: Program<L>): Promise<number> {
  using signals = new SystemSignals(["SIGINT", "SIGTERM", "SIGHUP"]);
  const terminal = Deno.stdin.isTerminal();
  let loaded = await program.load();
  await using logs = new ProcessLog(loaded.config.log);
  const { recent, work, life: log } = logs;
  const { admin } = loaded.config;
  const { workers } = loaded.config;
  let started: Run<L> | undefined, handler: Handler;
  try {
    const run = started = workers > 1
      ? await startWorkers(program, workers, work)
      : await startSingle(program, loaded, work);
    const view = () => logs.view(run.view());
    handler = await withAdmin(admin, { ...run, view, checks: () => run.checks(loaded) }, recent, log, loaded.replace);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error("can't start", { reason: error.message });
    await started?.handler.close();
    return 1;
  }
  const several = workers > 1 ? { workers } : {};
  log.info("ready", { ...started.listening, ...several, version: VERSION, pid: Deno.pid });
  const { reload, failed, alive } = started;
  using manager = systemManager(environment, log, alive);
  manager.ready("Ready");
  const ended = runUntilSignal(handler, log, signals, {
    manager,
    async reload() {
      const next = await program.load();
      const left = await reload(next);
      if (!sameAdmin(next.config.admin, admin)) left.push("admin");
      if (next.config.workers !== workers) left.push("workers");
      const changed = program.differences(loaded, next).filter((setting) => !left.includes(setting));
      loaded = next;
      logs.config = next.config.log;
      return { changed, left };
    },
    drain: () => loaded.config.timeouts.drain,
    // The terminal has gone, and whoever looked at it with it: nobody asks for anything to be read again.
    hungUp: () => terminal && !Deno.stdin.isTerminal(),
  });
  try {
    return await Promise.race([ended, failed]);
  } catch (error) {
    // The others end with the process: what they carry can't be told from what was lost, and who started it starts it anew.
    log.error("worker failed", { reason: reasonOf(error) });
    return 1;
  }
}

async function startSingle<L extends Loaded>(program: Program<L>, loaded: L, log: Log): Promise<Run<L>> {
  const started = await startPatiently(program, loaded, log, single());
  const view = () => new HandlerView(started.handler, VERSION);
  return { ...started, view, failed: Promise.withResolvers<never>().promise };
}

async function startWorkers<L extends Loaded>({ command, args }: Program<L>, count: number, log: Log): Promise<Run<L>> {
  const group = await Supervisor.start({ command, args, count, log });
  return {
    handler: group,
    listening: group.listening,
    view: () => group.view(),
    checks: () => group.checks(),
    reload: () => group.reload(),
    alive: () => group.alive(),
    failed: group.failed,
  };
}

/** The settings that a reload found different, by their keys in the file. */
export interface Reloaded {
  /** Those in use now. */
  readonly changed: readonly string[];
  /** Those that take another start. */
  readonly left: readonly string[];
}

/** How {@linkcode runUntilSignal} goes about it. */
export interface Running {
  /**
   * Takes into use what is read anew.
   *
   * @throws {UsageError} When that is wrong; nothing has changed then.
   */
  reload(): Promise<Reloaded>;
  /** How long sessions may take to finish, in milliseconds. */
  drain(): number;
  /** Whether SIGHUP says that the terminal has gone, as it once meant. */
  hungUp(): boolean;
  /** Hears of reloads and of the end. Default: nobody does. */
  readonly manager?: Manager;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Runs a handler until SIGTERM or SIGINT: then nothing new is taken, sessions may finish until the deadline, and what is
 * left is reset. A second signal ends at once. SIGHUP before that reloads.
 *
 * @returns The exit status: 0 when every session finished, 1 when some were reset.
 */
export async function runUntilSignal(
  handler: Handler,
  log: Log,
  signals: Signals,
  running: Running,
): Promise<number> {
  let signal = await signals.next();
  for (; signal === "SIGHUP" && !running.hungUp(); signal = await signals.next()) await reload(running, log);
  handler.stopListening();
  const drain = running.drain();
  running.manager?.stopping(drain);
  log.info("ending", { signal, "drain-ms": drain });
  const deadline = Promise.withResolvers<string>();
  const cancel = (running.clock ?? systemClock).after(drain, () => deadline.resolve("the deadline"));
  const forced = await Promise.race([handler.idle().then(() => null), second(signals), deadline.promise]);
  cancel();
  await handler.close();
  log.info("ended", { drained: forced === null, "cut-short-by": forced ?? undefined });
  return forced === null ? 0 : 1;
}

async function reload(running: Running, log: Log): Promise<void> {
  const { manager = NO_MANAGER } = running;
  manager.reloading();
  try {
    const { changed, left } = await running.reload();
    log[left.length > 0 ? "warn" : "info"]("reloaded", {
      changed: changed.join() || "nothing",
      "restart-needed": left.join() || undefined,
    });
    manager.ready(left.length > 0 ? `Ready; a restart is needed for ${left.join(", ")}` : "Ready");
  } catch (error) {
    const reasons = error instanceof UsageError ? error.lines : [reasonOf(error)];
    for (const reason of reasons) log.error("not reloaded", { reason });
    manager.ready(`Ready, as before: ${reasons[0]}`);
  }
}

async function second(signals: Signals): Promise<string> {
  while (await signals.next() === "SIGHUP");
  return "a second signal";
}

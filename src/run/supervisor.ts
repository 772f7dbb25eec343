import { pipesRead } from "../config/source.ts";
import type { Log, LogFields } from "../log/log.ts";
import { type Check, type CheckInfo, Inconclusive } from "../observe/readiness.ts";
import { INTERVAL } from "../observe/sampler.ts";
import { sumHistories, sumMetrics, sumStatuses } from "../observe/sum.ts";
import type { View } from "../observe/view.ts";
import { Caller, type LogLine, type Port, type StartedWorker, type WorkerMethods } from "./worker_calls.ts";
import { type WorkerGroupMemory, workerGroupMemory } from "../workers/worker_group.ts";
import type { Handler } from "./program.ts";

/** A worker; tests replace it. */
export interface WorkerHandle extends Port {
  /** Called when the worker has failed; no message follows. */
  onerror: ((event: ErrorEvent) => void) | null;
  /** Ends the worker immediately. */
  terminate(): void;
}

/** Options of {@linkcode Supervisor.start}. */
export interface SupervisorOptions {
  readonly command: "server" | "client";
  /** Arguments after the command's name. Each worker loads the configuration itself. */
  readonly args: string[];
  /** Number of workers, at least 2. */
  readonly count: number;
  /** Receives the workers' log lines, with the worker's number. */
  readonly log: Log;
  /** Creates a worker. Default: a Deno worker. */
  readonly spawn?: () => WorkerHandle;
}

/** Runs the workers of a process as one handler, from its main event loop. */
export class Supervisor implements Handler {
  readonly #workers: readonly WorkerHandle[];
  readonly #callers: readonly Caller[];
  readonly #failed = Promise.withResolvers<never>();
  #checks: readonly CheckInfo[] = [];
  /** Listening addresses of the first worker, for the log. */
  listening: LogFields = {};

  private constructor({ count, log, spawn = newWorker }: SupervisorOptions) {
    this.#failed.promise.catch(() => {});
    this.#workers = Array.from({ length: count }, spawn);
    this.#callers = this.#workers.map((handle, worker) => {
      const workerLog = log.with({ worker });
      const caller = new Caller(handle, ([level, event, fields]: LogLine) => workerLog[level](event, fields));
      handle.onerror = (event) => {
        event.preventDefault();
        const error = new Error(`worker ${worker}: ${event.message}`);
        caller.fail(error);
        this.#failed.reject(error);
      };
      return caller;
    });
  }

  /**
   * Starts the workers. The first one starts alone, so that a common mistake is reported once.
   *
   * @throws {StartError} When a worker can't start; all are ended then.
   * @throws {UsageError} When the configuration is wrong.
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options);
    const { command, args, count } = options;
    const memory: WorkerGroupMemory = workerGroupMemory(count);
    const start = (index: number): Promise<StartedWorker> =>
      supervisor.#callers[index]!.call("start", { command, args, pipes: pipesRead(), memory, index });
    try {
      const { listening, checks } = await start(0);
      await Promise.all(supervisor.#callers.slice(1).map((_, at) => start(at + 1)));
      [supervisor.listening, supervisor.#checks] = [listening, checks];
      return supervisor;
    } catch (error) {
      supervisor.#terminate();
      throw error;
    }
  }

  /** Rejects when a worker fails, with its number. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  stopListening(): void {
    this.#callAll("stopListening").catch(() => {});
  }

  async idle(): Promise<void> {
    await this.#callAll("idle");
  }

  async close(): Promise<void> {
    await this.#callAll("close");
    this.#terminate();
  }

  /** Conditions for new sessions, which every worker has to meet. */
  checks(): Check[] {
    return this.#checks.map(({ name, need }) => ({
      name,
      need,
      run: async () => {
        const outcomes = await Promise.allSettled(this.#callers.map((caller) => caller.call("check", name)));
        const errors = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason] : []);
        if (errors.length > 0) throw errors.find((error) => !(error instanceof Inconclusive)) ?? errors[0];
      },
    }));
  }

  /**
   * Reloads the configuration of all workers, or of none.
   *
   * @returns Changed settings that need a restart.
   * @throws {UsageError} When the new configuration is wrong; nothing has changed then.
   */
  async reload(): Promise<string[]> {
    await this.#callAll("prepare");
    const [first] = await this.#callAll("reload");
    this.#checks = first!.checks;
    return [...first!.restartNeeded];
  }

  /** Resolves when every worker has answered; does not resolve while one hangs. */
  async alive(): Promise<void> {
    await this.#callAll("alive");
  }

  /** Metrics, status and history, summed over the workers. */
  view(): View {
    const stops = new Set<() => void>();
    return {
      metrics: async () => sumMetrics(await this.#callAll("metrics")),
      status: async () => sumStatuses(await this.#callAll("status")),
      history: async () => sumHistories(await this.#callAll("history")),
      listen(listener) {
        const timer = setInterval(listener, INTERVAL);
        const stop = () => {
          clearInterval(timer);
          stops.delete(stop);
        };
        stops.add(stop);
        return stop;
      },
      close: () => stops.forEach((stop) => stop()),
    };
  }

  #callAll<M extends Exclude<keyof WorkerMethods, "start" | "check">>(
    method: M,
  ): Promise<Awaited<ReturnType<WorkerMethods[M]>>[]> {
    const calls = this.#callers.map((caller) => caller.call(method, ...[] as unknown as Parameters<WorkerMethods[M]>));
    return Promise.all(calls) as Promise<Awaited<ReturnType<WorkerMethods[M]>>[]>;
  }

  #terminate(): void {
    for (const worker of this.#workers) worker.terminate();
  }
}

function newWorker(): WorkerHandle {
  // scripts/compile.ts includes this module in the executable.
  return new Worker(new URL("./worker.ts", import.meta.url).href, { type: "module" });
}

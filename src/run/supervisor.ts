import { pipesRead } from "../config/source.ts";
import type { Log, LogFields } from "../log/log.ts";
import { type Check, NotLookedAt, type Subject } from "../observe/readiness.ts";
import { INTERVAL } from "../observe/sampler.ts";
import { sumHistories, sumMetrics, sumSeen } from "../observe/sum.ts";
import type { View } from "../observe/view.ts";
import { Caller, type Duties, type Line, type Port, type StartedWorker } from "./calls.ts";
import { type WorkerGroupMemory, workerGroupMemory } from "../workers/worker_group.ts";
import type { Handler } from "./program.ts";

/** A worker, or what stands for one in a test. */
export interface WorkerHandle extends Port {
  /** Told when the worker has failed; nothing comes from it any more. */
  onerror: ((event: ErrorEvent) => void) | null;
  /** Ends it at once. */
  terminate(): void;
}

/** How {@linkcode Supervisor.start} goes about it. */
export interface SupervisorOptions {
  /** Which handler each worker is to run. */
  readonly command: "server" | "client";
  /** What the command was given: each worker reads it for itself. */
  readonly args: string[];
  /** How many workers there are to be, at least 2. */
  readonly count: number;
  /** Gets all lines, with the worker's number. */
  readonly log: Log;
  /** Makes a worker. Default: one of Deno's. */
  readonly spawn?: () => WorkerHandle;
}

/** A process's workers as one handler, which the process's main event loop holds. */
export class Supervisor implements Handler {
  readonly #hands: readonly WorkerHandle[];
  readonly #callers: readonly Caller[];
  readonly #failed = Promise.withResolvers<never>();
  #checks: readonly Subject[] = [];
  /** Where the first worker listens. */
  listening: LogFields = {};

  private constructor({ count, log, spawn = newWorker }: SupervisorOptions) {
    this.#failed.promise.catch(() => {});
    this.#hands = Array.from({ length: count }, spawn);
    this.#callers = this.#hands.map((hand, worker) => {
      const own = log.with({ worker });
      const caller = new Caller(hand, ([level, event, fields]: Line) => own[level](event, fields));
      hand.onerror = (event) => {
        event.preventDefault();
        const error = new Error(`worker ${worker}: ${event.message}`);
        caller.fail(error);
        this.#failed.reject(error);
      };
      return caller;
    });
  }

  /**
   * Starts the workers: the first one first, so that it is the one to say what is wrong for all.
   *
   * @throws {StartError} When one can't start; none is left then. And what reading its configuration throws.
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const group = new Supervisor(options);
    const { command, args, count } = options;
    const memory: WorkerGroupMemory = workerGroupMemory(count);
    const start = (index: number): Promise<StartedWorker> =>
      group.#callers[index]!.call("start", { command, args, pipes: pipesRead(), memory, index });
    try {
      const { listening, checks } = await start(0);
      await Promise.all(group.#callers.slice(1).map((_, at) => start(at + 1)));
      [group.listening, group.#checks] = [listening, checks];
      return group;
    } catch (error) {
      group.#terminate();
      throw error;
    }
  }

  /** Rejects when a worker fails, and says which. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  stopListening(): void {
    this.#all("stopListening").catch(() => {});
  }

  async idle(): Promise<void> {
    await this.#all("idle");
  }

  async close(): Promise<void> {
    await this.#all("close");
    this.#terminate();
  }

  /** What has to be in place for new sessions, in every worker. */
  checks(): Check[] {
    return this.#checks.map(({ name, need }) => ({
      name,
      need,
      run: async () => {
        const looks = await Promise.allSettled(this.#callers.map((caller) => caller.call("check", name)));
        const errors = looks.flatMap((look) => look.status === "rejected" ? [look.reason] : []);
        if (errors.length > 0) throw errors.find((error) => !(error instanceof NotLookedAt)) ?? errors[0];
      },
    }));
  }

  /**
   * Has every worker take into use what it reads anew, or none.
   *
   * @returns The settings that differ and take another start.
   * @throws {UsageError} When that is wrong; nothing has changed then.
   */
  async reload(): Promise<string[]> {
    await this.#all("prepare");
    const [first] = await this.#all("reload");
    this.#checks = first!.checks;
    return [...first!.left];
  }

  /** Resolves when every worker has shown that it does not hang. */
  async alive(): Promise<void> {
    await this.#all("alive");
  }

  /** What can be seen of all of them together. */
  view(): View {
    const stops = new Set<() => void>();
    return {
      metrics: async () => sumMetrics(await this.#all("metrics")),
      status: async () => sumSeen(await this.#all("status")),
      history: async () => sumHistories(await this.#all("history")),
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

  #all<D extends Exclude<keyof Duties, "start" | "check">>(duty: D): Promise<Awaited<ReturnType<Duties[D]>>[]> {
    const calls = this.#callers.map((caller) => caller.call(duty, ...[] as unknown as Parameters<Duties[D]>));
    return Promise.all(calls) as Promise<Awaited<ReturnType<Duties[D]>>[]>;
  }

  #terminate(): void {
    for (const hand of this.#hands) hand.terminate();
  }
}

function newWorker(): WorkerHandle {
  // deno compile takes it along because scripts/compile.ts says so
  return new Worker(new URL("./worker.ts", import.meta.url).href, { type: "module" });
}

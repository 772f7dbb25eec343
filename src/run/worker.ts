/**
 * A worker of a process with several: runs a handler and answers the calls of supervisor.ts.
 *
 * @module
 */
import { addPipes } from "../config/source.ts";
import type { CheckInfo } from "../observe/readiness.ts";
import { minimumLevel, relayLog } from "../log/log.ts";
import { HandlerView, type View } from "../observe/view.ts";
import {
  type LogLine,
  type Port,
  serveCalls,
  type StartedWorker,
  type WorkerMethods,
  type WorkerStart,
} from "./worker_calls.ts";
import { joinWorkerGroup } from "../workers/worker_group.ts";
import type { Loaded, Program, Started } from "./program.ts";
import { startWithRetries } from "./start.ts";
import { VERSION } from "./version.ts";

/** Loads the program of a command, without the other one's code. */
async function loadProgram(command: WorkerStart["command"], args: string[]): Promise<Program<Loaded>> {
  if (command === "server") return (await import("./server_program.ts")).serverProgram(args) as Program<Loaded>;
  return (await import("./client_program.ts")).clientProgram(args) as Program<Loaded>;
}

class HandlerWorker implements WorkerMethods {
  readonly #writeLine: (line: LogLine) => void;
  #program!: Program<Loaded>;
  #loaded!: Loaded;
  #next: Loaded | undefined;
  #logConfig: Loaded["config"]["log"] = { level: "info", format: "text" };
  #started!: Started<Loaded>;
  #cachedView: View | undefined;

  constructor(writeLine: (line: LogLine) => void) {
    this.#writeLine = writeLine;
  }

  async start({ command, args, pipes, memory, index }: WorkerStart): Promise<StartedWorker> {
    addPipes(pipes);
    this.#program = await loadProgram(command, args);
    this.#loaded = await this.#program.load();
    this.#logConfig = this.#loaded.config.log;
    const log = relayLog(() => minimumLevel(this.#logConfig.level), (...line) => this.#writeLine(line));
    this.#started = await startWithRetries(this.#program, this.#loaded, log, joinWorkerGroup(memory, index));
    if (this.#loaded.config.admin !== undefined) this.#view();
    return { listening: this.#started.listening, checks: this.#checks() };
  }

  stopListening(): Promise<void> {
    this.#started.handler.stopListening();
    return Promise.resolve();
  }

  idle(): Promise<void> {
    return this.#started.handler.idle();
  }

  async close(): Promise<void> {
    await this.#started.handler.close();
    this.#cachedView?.close();
  }

  async prepare(): Promise<void> {
    this.#next = await this.#program.load();
  }

  reload(): Promise<{ restartNeeded: string[]; checks: CheckInfo[] }> {
    const next = this.#next!;
    const restartNeeded = this.#started.reload(next);
    this.#loaded = next;
    this.#logConfig = next.config.log;
    return Promise.resolve({ restartNeeded, checks: this.#checks() });
  }

  async check(name: string): Promise<void> {
    await this.#started.checks(this.#loaded).find((check) => check.name === name)?.run();
  }

  metrics(): ReturnType<View["metrics"]> {
    return this.#view().metrics();
  }

  status(): ReturnType<View["status"]> {
    return this.#view().status();
  }

  history(): ReturnType<View["history"]> {
    return this.#view().history();
  }

  alive(): Promise<void> {
    return Promise.resolve();
  }

  #view(): View {
    return this.#cachedView ??= new HandlerView(this.#started.handler, VERSION);
  }

  #checks(): CheckInfo[] {
    return this.#started.checks(this.#loaded).map(({ name, need }) => ({ name, need }));
  }
}

serveCalls(globalThis as unknown as Port, (writeLine) => new HandlerWorker(writeLine));

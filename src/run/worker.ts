/**
 * What a worker of a process with several runs: a handler, as the main event loop has it told (see crew_handler.ts).
 *
 * @module
 */
import { addPipes } from "../config/source.ts";
import type { Subject } from "../observe/readiness.ts";
import { minimumLevel, relayLog } from "../log/log.ts";
import { HandlerView, type View } from "../observe/view.ts";
import { type Duties, type Line, type Port, serve, type Start, type StartedWorker } from "./calls.ts";
import { joinWorkerGroup } from "../workers/worker_group.ts";
import type { Loaded, Program, Started } from "./program.ts";
import { startPatiently } from "./start.ts";
import { VERSION } from "./version.ts";

/** Loads the program of a command, and none of the other's code. */
async function programOf(command: Start["command"], args: string[]): Promise<Program<Loaded>> {
  if (command === "server") return (await import("./server_program.ts")).serverProgram(args) as Program<Loaded>;
  return (await import("./client_program.ts")).clientProgram(args) as Program<Loaded>;
}

/** Runs a handler. */
class HandlerWorker implements Duties {
  readonly #say: (line: Line) => void;
  #program!: Program<Loaded>;
  #loaded!: Loaded;
  #next: Loaded | undefined;
  #logging: Loaded["config"]["log"] = { level: "info", format: "text" };
  #started!: Started<Loaded>;
  #seen: View | undefined;

  constructor(say: (line: Line) => void) {
    this.#say = say;
  }

  async start({ command, args, pipes, memory, index }: Start): Promise<StartedWorker> {
    addPipes(pipes);
    this.#program = await programOf(command, args);
    this.#loaded = await this.#program.load();
    this.#logging = this.#loaded.config.log;
    const log = relayLog(() => minimumLevel(this.#logging.level), (...line) => this.#say(line));
    this.#started = await startPatiently(this.#program, this.#loaded, log, joinWorkerGroup(memory, index));
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
    this.#seen?.close();
  }

  async prepare(): Promise<void> {
    this.#next = await this.#program.load();
  }

  reload(): Promise<{ left: string[]; checks: Subject[] }> {
    const next = this.#next!;
    const left = this.#started.reload(next);
    this.#loaded = next;
    this.#logging = next.config.log;
    return Promise.resolve({ left, checks: this.#checks() });
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
    return this.#seen ??= new HandlerView(this.#started.handler, VERSION);
  }

  #checks(): Subject[] {
    return this.#started.checks(this.#loaded).map(({ name, need }) => ({ name, need }));
  }
}

serve(globalThis as unknown as Port, (say) => new HandlerWorker(say));

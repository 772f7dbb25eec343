/**
 * How a process's main event loop has its workers do things: it calls, they answer, and say on their own what is to be
 * logged.
 *
 * @module
 */
import { UsageError } from "../config/problems.ts";
import type { Source } from "../config/source.ts";
import { StartError } from "../net/listen/listen.ts";
import { NotLookedAt, type Subject } from "../observe/readiness.ts";
import type { LogFields, LogLevel } from "../log/log.ts";
import type { HandlerStatus, History } from "../observe/status.ts";
import type { Metric } from "../observe/metrics.ts";
import type { WorkerGroupMemory } from "../workers/worker_group.ts";

/** What a worker needs to start its handler. */
export interface Start {
  /** Which handler. */
  readonly command: "server" | "client";
  /** What the command was given. */
  readonly args: string[];
  /** What pipes gave, which no worker can read again. */
  readonly pipes: ReadonlyMap<string, Source>;
  /** What it has in common with the other workers. */
  readonly memory: WorkerGroupMemory;
  /** Its number, from 0. */
  readonly index: number;
}

/** What a worker says of its handler when that has started. */
export interface StartedWorker {
  /** Where it listens, for the log. */
  readonly listening: LogFields;
  /** What can be looked at by {@linkcode Duties.check}. */
  readonly checks: readonly Subject[];
}

/** What a worker does when it is called; all that goes over is plain data. */
export interface Duties {
  /** Reads what it is told, and starts. */
  start(start: Start): Promise<StartedWorker>;
  /** Takes nothing new. */
  stopListening(): Promise<void>;
  /** Answers when nothing is under way. */
  idle(): Promise<void>;
  /** Aborts what is under way. */
  close(): Promise<void>;
  /** Reads again what it is told, and keeps it for {@linkcode Duties.reload}. */
  prepare(): Promise<void>;
  /** Takes that into use. */
  reload(): Promise<{ readonly left: string[]; readonly checks: readonly Subject[] }>;
  /** Looks whether something is in place. @param name What. */
  check(name: string): Promise<void>;
  /** As of its handler's view. */
  metrics(): Promise<Metric[]>;
  /** The same. */
  status(): Promise<HandlerStatus>;
  /** The same. */
  history(): Promise<History>;
  /** Answers, which it can't while it hangs. */
  alive(): Promise<void>;
}

/** Any of {@linkcode Duties}. */
export type Duty = keyof Duties;

/** A log line on its way to who writes it. */
export type Line = readonly [level: LogLevel, event: string, fields: LogFields];

interface Call {
  readonly id: number;
  readonly duty: Duty;
  readonly argument?: unknown;
}

/** An error as data. */
interface Failure {
  readonly name: string;
  readonly message: string;
  readonly lines?: readonly string[];
}

type Message = { readonly id: number; readonly value?: unknown; readonly failure?: Failure } | { readonly line: Line };

/** An end of what messages go through: a `Worker`, a worker's global scope, a `MessagePort`. */
export interface Port {
  /** Sends a message. */
  postMessage(message: unknown): void;
  /** Takes messages. */
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Calls a worker. */
export class Caller {
  readonly #port: Port;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  /** Takes the port over. @param line Gets each line that the worker says. */
  constructor(port: Port, line: (line: Line) => void) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("line" in data) return line(data.line);
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.failure === undefined) waiting?.resolve(data.value);
      else waiting?.reject(toError(data.failure));
    };
  }

  /**
   * Has the worker do something.
   *
   * @throws What it throws, a StartError or UsageError as such; what {@linkcode Caller.fail} was given.
   */
  call<D extends Duty>(duty: D, ...[argument]: Parameters<Duties[D]>): ReturnType<Duties[D]> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(++this.#last, waiting);
    this.#port.postMessage({ id: this.#last, duty, argument } satisfies Call);
    return waiting.promise as ReturnType<Duties[D]>;
  }

  /** The worker answers no more. */
  fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/**
 * Does what is called for, a worker's part.
 *
 * @param make Makes what does it, given how to say a line.
 */
export function serve(port: Port, make: (say: (line: Line) => void) => Duties): void {
  const duties = make((line) => port.postMessage({ line } satisfies Message));
  port.onmessage = async ({ data: { id, duty, argument } }: MessageEvent<Call>) => {
    try {
      const value = await (duties[duty] as (argument: unknown) => Promise<unknown>).call(duties, argument);
      port.postMessage({ id, value } satisfies Message);
    } catch (error) {
      port.postMessage({ id, failure: toFailure(error) } satisfies Message);
    }
  };
}

function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  return { name: error.name, message: error.message, ...error instanceof UsageError && { lines: error.lines } };
}

function toError({ name, message, lines }: Failure): Error {
  if (lines !== undefined) return new UsageError(lines);
  if (name === "StartError") return new StartError(message);
  return name === "NotLookedAt" ? new NotLookedAt(message) : new Error(message);
}

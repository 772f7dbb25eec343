/**
 * Calls from a process's main event loop to its workers, as messages. Workers answer calls, and send log lines on their
 * own.
 *
 * @module
 */
import { UsageError } from "../config/problems.ts";
import type { Source } from "../config/source.ts";
import { StartError } from "../net/listen/listen.ts";
import { type CheckInfo, Inconclusive } from "../observe/readiness.ts";
import type { LogFields, LogLevel } from "../log/log.ts";
import type { HandlerStatus, History } from "../observe/status.ts";
import type { Metric } from "../observe/metrics.ts";
import type { WorkerGroupMemory } from "../workers/worker_group.ts";

/** Argument of {@linkcode WorkerMethods.start}. */
export interface WorkerStart {
  readonly command: "server" | "client";
  /** Arguments after the command's name. */
  readonly args: string[];
  /** Contents of pipes, which can be read only once. */
  readonly pipes: ReadonlyMap<string, Source>;
  /** Memory shared by all workers. */
  readonly memory: WorkerGroupMemory;
  /** Number of the worker, from 0. */
  readonly index: number;
}

/** Result of {@linkcode WorkerMethods.start}. */
export interface StartedWorker {
  /** Listening addresses, for the log. */
  readonly listening: LogFields;
  /** Checks that {@linkcode WorkerMethods.check} can run. */
  readonly checks: readonly CheckInfo[];
}

/** Methods of a worker. Arguments and results are plain data. */
export interface WorkerMethods {
  /** Loads the configuration and starts the handler. */
  start(start: WorkerStart): Promise<StartedWorker>;
  /** Stops accepting connections. */
  stopListening(): Promise<void>;
  /** Answers when no session is left. */
  idle(): Promise<void>;
  /** Aborts remaining sessions. */
  close(): Promise<void>;
  /** Loads the configuration again, for {@linkcode WorkerMethods.reload}. */
  prepare(): Promise<void>;
  /** Applies the prepared configuration. */
  reload(): Promise<{ readonly restartNeeded: string[]; readonly checks: readonly CheckInfo[] }>;
  /** Runs one of the checks. */
  check(name: string): Promise<void>;
  /** Metrics of the handler. */
  metrics(): Promise<Metric[]>;
  /** Status of the handler. */
  status(): Promise<HandlerStatus>;
  /** Recent history of the handler. */
  history(): Promise<History>;
  /** Answers unless the worker hangs. */
  alive(): Promise<void>;
}

/** Name of a worker's method. */
export type WorkerMethod = keyof WorkerMethods;

/** A log line for the main event loop to write. */
export type LogLine = readonly [level: LogLevel, event: string, fields: LogFields];

interface Call {
  readonly id: number;
  readonly method: WorkerMethod;
  readonly argument?: unknown;
}

/** An error as plain data. */
interface Failure {
  readonly name: string;
  readonly message: string;
  readonly lines?: readonly string[];
}

type Message = { readonly id: number; readonly value?: unknown; readonly failure?: Failure } | {
  readonly line: LogLine;
};

/** One end of a message channel: a `Worker`, a worker's global scope, or a `MessagePort`. */
export interface Port {
  /** Sends a message. */
  postMessage(message: unknown): void;
  /** Receives messages. */
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Calls the methods of a worker. */
export class Caller {
  readonly #port: Port;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  /** Owns the port from now on. @param writeLine Receives the worker's log lines. */
  constructor(port: Port, writeLine: (line: LogLine) => void) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("line" in data) return writeLine(data.line);
      const call = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if (data.failure === undefined) call?.resolve(data.value);
      else call?.reject(toError(data.failure));
    };
  }

  /**
   * Calls a method.
   *
   * @throws The method's error, where StartError, UsageError and Inconclusive keep their class, or the error given to
   * {@linkcode Caller.fail}.
   */
  call<M extends WorkerMethod>(method: M, ...[argument]: Parameters<WorkerMethods[M]>): ReturnType<WorkerMethods[M]> {
    const call = Promise.withResolvers<unknown>();
    this.#pending.set(++this.#lastId, call);
    this.#port.postMessage({ id: this.#lastId, method, argument } satisfies Call);
    return call.promise as ReturnType<WorkerMethods[M]>;
  }

  /** Rejects pending calls, since the worker has failed. */
  fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/**
 * Answers calls, in a worker.
 *
 * @param create Creates the methods; `writeLine` sends a log line.
 */
export function serveCalls(port: Port, create: (writeLine: (line: LogLine) => void) => WorkerMethods): void {
  const methods = create((line) => port.postMessage({ line } satisfies Message));
  port.onmessage = async ({ data: { id, method, argument } }: MessageEvent<Call>) => {
    try {
      const value = await (methods[method] as (argument: unknown) => Promise<unknown>).call(methods, argument);
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
  return name === "Inconclusive" ? new Inconclusive(message) : new Error(message);
}

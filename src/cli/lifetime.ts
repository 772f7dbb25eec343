import { StartError } from "../net/listen.ts";
import { type Clock, systemClock } from "../net/clock.ts";
import type { LogConfig, Timeouts } from "../config/types.ts";
import { createLog, type Log, type LogFields } from "../observe/log.ts";
import { VERSION } from "./version.ts";

/** What a command runs: either handler. */
export interface Handler {
  /** Takes nothing new. */
  stopListening(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Aborts what is under way. */
  close(): Promise<void>;
}

/** A handler that has just started, and what to say of where it listens. */
export interface Started {
  /** Runs already. */
  readonly handler: Handler;
  /** For the log line that says so. */
  readonly listening: LogFields;
}

/**
 * Starts a handler and runs it until it is told to end.
 *
 * @param start Makes the handler, which listens from then on.
 * @returns The exit status: 1 when it could not start, else as {@linkcode runUntilSignal}.
 */
export async function runHandler(
  config: { readonly log: LogConfig; readonly timeouts: Timeouts },
  start: (log: Log) => Started,
): Promise<number> {
  const log = createLog(config.log);
  let started: Started;
  try {
    started = start(log);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error("can't start", { reason: error.message });
    return 1;
  }
  log.info("ready", { ...started.listening, version: VERSION, pid: Deno.pid });
  return await runUntilSignal(started.handler, config.timeouts.drain, log);
}

/**
 * Runs a handler until SIGTERM or SIGINT: then nothing new is taken, sessions may finish until the deadline, and what is
 * left is reset. A second signal ends at once.
 *
 * @param drain The deadline, in milliseconds.
 * @returns The exit status: 0 when every session finished, 1 when some were reset.
 */
export async function runUntilSignal(
  handler: Handler,
  drain: number,
  log: Log,
  clock: Clock = systemClock,
): Promise<number> {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  let onSignal = (_signal: Deno.Signal): void => {};
  const listeners = signals.map((signal) => ({ signal, listener: () => onSignal(signal) }));
  const nextSignal = () => new Promise<Deno.Signal>((resolve) => onSignal = resolve);
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);

  try {
    const signal = await nextSignal();
    handler.stopListening();
    log.info("ending", { signal, "drain-ms": drain });
    const second = nextSignal().then(() => "a second signal");
    const deadline = Promise.withResolvers<string>();
    const forget = clock.after(drain, () => deadline.resolve("the deadline"));
    const forced = await Promise.race([handler.idle().then(() => null), second, deadline.promise]);
    forget();
    await handler.close();
    log.info("ended", { drained: forced === null, "cut-short-by": forced ?? undefined });
    return forced === null ? 0 : 1;
  } finally {
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
  }
}

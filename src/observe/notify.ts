import { type Clock, systemClock } from "../time/clock.ts";
import { monotonicMicroseconds, sendDatagram } from "../net/linux/system.ts";
import type { Log } from "../log/log.ts";

/** The service manager that started this process, such as systemd; see sd_notify(3). */
export interface Manager extends Disposable {
  /** Reports the start or reload as complete, and begins to feed the watchdog. @param status One line for people. */
  ready(status: string): void;
  /** Reports a reload, which {@linkcode Manager.ready} ends. */
  reloading(): void;
  /** Reports shutdown. @param ms Its maximum duration, in milliseconds. */
  stopping(ms: number): void;
}

/** Configures a {@linkcode ServiceManager}. */
export interface ServiceManagerOptions {
  /** Sends one message. @throws When the manager can't be reached. */
  readonly send: (message: string) => void;
  /** Gets a warning the first time that the manager can't be reached. */
  readonly log: Log;
  /** Schedules the watchdog's messages. */
  readonly clock: Clock;
  /** The system's monotonic clock, in microseconds; undefined where unavailable. */
  readonly monotonic: () => bigint | undefined;
  /** Silence after which the manager kills the process, in milliseconds; undefined for no watchdog. */
  readonly watchdog?: number | undefined;
  /** Resolves when all other parts of the process have responded. Default: immediately. */
  readonly alive?: (() => Promise<void>) | undefined;
}

/** Time for shutdown after the deadline for sessions, in milliseconds. */
const MARGIN = 5_000;

/** Notifies the service manager. */
export class ServiceManager implements Manager {
  readonly #options: ServiceManagerOptions;
  #cancel: (() => void) | undefined;
  #failed = false;

  /** Sends nothing yet. */
  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  ready(status: string): void {
    this.#send("READY=1", statusLine(status));
    if (this.#cancel === undefined) this.#feedWatchdog();
  }

  reloading(): void {
    const now = this.#options.monotonic();
    this.#send("RELOADING=1", ...now === undefined ? [] : [`MONOTONIC_USEC=${now}`], statusLine("Reloading"));
  }

  stopping(ms: number): void {
    this.#send("STOPPING=1", `EXTEND_TIMEOUT_USEC=${(ms + MARGIN) * 1000}`, statusLine("Draining sessions"));
  }

  /** Stops feeding the watchdog. */
  [Symbol.dispose](): void {
    this.#cancel?.();
  }

  /** At twice the required rate. It runs on a timer because a process that hangs doesn't run its timers. */
  #feedWatchdog(): void {
    const { watchdog, clock, alive } = this.#options;
    if (watchdog === undefined) return;
    if (alive === undefined) this.#send("WATCHDOG=1");
    else alive().then(() => this.#send("WATCHDOG=1"), () => {});
    this.#cancel = clock.after(watchdog / 2, () => this.#feedWatchdog());
  }

  #send(...lines: string[]): void {
    try {
      this.#options.send(lines.join("\n"));
    } catch (error) {
      if (!this.#failed) this.#options.log.warn("service manager not notified", { reason: String(error) });
      this.#failed = true;
    }
  }
}

/** Stands for an absent service manager. */
export const NO_MANAGER: Manager = {
  ready() {},
  reloading() {},
  stopping() {},
  [Symbol.dispose]() {},
};

/**
 * Connects to the manager named by `NOTIFY_SOCKET`, with the watchdog of `WATCHDOG_USEC` if that is for this process.
 *
 * @param env Reads an environment variable.
 * @param alive As in {@linkcode ServiceManagerOptions}.
 */
export function systemManager(
  env: (name: string) => string | undefined,
  log: Log,
  alive?: () => Promise<void>,
): Manager {
  const socket = env("NOTIFY_SOCKET");
  if (!socket) return NO_MANAGER;
  return new ServiceManager({
    send: (message) => sendDatagram(socket, message),
    log,
    clock: systemClock,
    monotonic: monotonicMicroseconds,
    watchdog: watchdogOf(env("WATCHDOG_USEC"), env("WATCHDOG_PID"), Deno.pid),
    alive,
  });
}

/** The watchdog's time-out in milliseconds; undefined without one, or if it is for another process. */
export function watchdogOf(usec: string | undefined, pid: string | undefined, own: number): number | undefined {
  if (pid !== undefined && pid !== `${own}`) return undefined;
  const ms = Number(usec ?? 0) / 1000;
  return ms > 0 ? ms : undefined;
}

function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(/\p{Cc}+/gu, " ")}`;
}

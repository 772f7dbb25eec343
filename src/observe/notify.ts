import { type Clock, systemClock } from "../time/clock.ts";
import { monotonicMicroseconds, sendDatagram } from "../net/linux/system.ts";
import type { Log } from "../log/log.ts";

/** Who started this process and wants to know how it does: systemd, as sd_notify(3) has it. Where nobody does, nothing. */
export interface Manager extends Disposable {
  /** All is in place; from now on the watchdog hears that the process is alive. @param status For people, a line. */
  ready(status: string): void;
  /** What is told is being read again; {@linkcode Manager.ready} comes after it. */
  reloading(): void;
  /** The end has begun. @param ms How long it may take, in milliseconds. */
  stopping(ms: number): void;
}

/** What {@linkcode ServiceManager} needs. */
export interface ServiceManagerOptions {
  /** Sends one message. @throws When that can't be done. */
  readonly send: (message: string) => void;
  /** Gets a line when the manager can't be told, once. */
  readonly log: Log;
  /** Tells time. */
  readonly clock: Clock;
  /** The manager's own clock, in microseconds; undefined where nobody knows. */
  readonly monotonic: () => bigint | undefined;
  /** The manager ends a process of which it hears nothing for so many milliseconds; undefined where it does not. */
  readonly watchdog?: number | undefined;
  /** Resolves when nothing of the process hangs but, perhaps, what asks. Default: at once. */
  readonly alive?: (() => Promise<void>) | undefined;
}

/** What may come after the deadline for sessions, in milliseconds. */
const MARGIN = 5_000;

/** A manager that listens. */
export class ServiceManager implements Manager {
  readonly #options: ServiceManagerOptions;
  #forget: (() => void) | undefined;
  #failed = false;

  /** Tells nothing yet. */
  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  ready(status: string): void {
    this.#tell("READY=1", statusLine(status));
    if (this.#forget === undefined) this.#watch();
  }

  reloading(): void {
    const now = this.#options.monotonic();
    this.#tell("RELOADING=1", ...now === undefined ? [] : [`MONOTONIC_USEC=${now}`], statusLine("Reading again"));
  }

  stopping(ms: number): void {
    this.#tell("STOPPING=1", `EXTEND_TIMEOUT_USEC=${(ms + MARGIN) * 1000}`, statusLine("Sessions may finish"));
  }

  /** Lets the watchdog go. */
  [Symbol.dispose](): void {
    this.#forget?.();
  }

  /** Twice as often as it has to be: a timer is what a process that hangs does not get to. */
  #watch(): void {
    const { watchdog, clock, alive } = this.#options;
    if (watchdog === undefined) return;
    if (alive === undefined) this.#tell("WATCHDOG=1");
    else alive().then(() => this.#tell("WATCHDOG=1"), () => {});
    this.#forget = clock.after(watchdog / 2, () => this.#watch());
  }

  #tell(...lines: string[]): void {
    try {
      this.#options.send(lines.join("\n"));
    } catch (error) {
      if (!this.#failed) this.#options.log.warn("service manager not told", { reason: String(error) });
      this.#failed = true;
    }
  }
}

/** Nobody listens. */
export const NO_MANAGER: Manager = {
  ready() {},
  reloading() {},
  stopping() {},
  [Symbol.dispose]() {},
};

/**
 * The manager that the environment names in `NOTIFY_SOCKET`, with the watchdog of `WATCHDOG_USEC` where that is for this
 * process.
 *
 * @param env Tells a variable of the environment.
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

/** The watchdog's time-out in milliseconds; undefined where there is none, or it is for another process. */
export function watchdogOf(usec: string | undefined, pid: string | undefined, own: number): number | undefined {
  if (pid !== undefined && pid !== `${own}`) return undefined;
  const ms = Number(usec ?? 0) / 1000;
  return ms > 0 ? ms : undefined;
}

function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(/\p{Cc}+/gu, " ")}`;
}

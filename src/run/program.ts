import type { AdminAddress } from "../config/admin.ts";
import type { LogConfig, Timeouts } from "../config/types.ts";
import type { Log, LogFields } from "../log/log.ts";
import type { Observable } from "../observe/observable.ts";
import type { Check } from "../observe/readiness.ts";
import type { WorkerGroup } from "../workers/worker_group.ts";

/** A running handler, of either kind. */
export interface Handler {
  /** Stops accepting connections. */
  stopListening(): void;
  /** Resolves when no session is left. */
  idle(): Promise<void>;
  /** Aborts remaining sessions. */
  close(): Promise<void>;
}

/** A configuration and the files that it names, loaded. */
export interface Loaded {
  /** Settings of the process. */
  readonly config: {
    readonly log: LogConfig;
    readonly timeouts: Pick<Timeouts, "drain">;
    readonly admin?: AdminAddress;
    readonly workers: number;
  };
  /** Replaces a running handler, which ends later. Default: false. */
  readonly replace?: boolean;
}

/** A handler that has just started. */
export interface Started<L> {
  readonly handler: Handler & Observable;
  /** Listening addresses, for the log. */
  readonly listening: LogFields;
  /** Conditions for new sessions. */
  checks(loaded: L): Check[];
  /**
   * Applies a new configuration without ending sessions.
   *
   * @returns Changed settings that need a restart.
   */
  reload(loaded: L): string[];
}

/** A handler as a program: loading, comparing and applying its configuration. */
export interface Program<L extends Loaded> {
  readonly command: "server" | "client";
  /** Arguments after the command's name. */
  readonly args: string[];
  /**
   * Reads the flags, the configuration file and the files that it names.
   *
   * @throws {UsageError} With a line for each mistake.
   */
  load(): Promise<L>;
  /** Keys of the settings that differ, or whose files differ. */
  differences(before: L, after: L): string[];
  /**
   * Starts the handler. It listens when this returns.
   *
   * @param group The workers of this process.
   * @throws {StartError} When it can't start.
   */
  start(loaded: L, log: Log, group: WorkerGroup): Started<L>;
}

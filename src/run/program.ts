import type { AdminAddress } from "../config/admin.ts";
import type { LogConfig, Timeouts } from "../config/types.ts";
import type { Log, LogFields } from "../log/log.ts";
import type { Observable } from "../observe/observable.ts";
import type { Check } from "../observe/readiness.ts";
import type { WorkerGroup } from "../workers/worker_group.ts";

/** What a command runs: either handler. */
export interface Handler {
  /** Takes nothing new. */
  stopListening(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Aborts what is under way. */
  close(): Promise<void>;
}

/** What a command has read: its configuration, and all that this names. */
export interface Loaded {
  /** The part of it that concerns the process. */
  readonly config: {
    readonly log: LogConfig;
    readonly timeouts: Pick<Timeouts, "drain">;
    readonly admin?: AdminAddress;
    readonly workers: number;
  };
  /** Whether it is to take the place of a handler that runs, and ends later. Default: false. */
  readonly replace?: boolean;
}

/** A handler that has just started, and what to say of where it listens. */
export interface Started<L> {
  /** Runs already. */
  readonly handler: Handler & Observable;
  /** For the log line that says so. */
  readonly listening: LogFields;
  /** What has to be in place for new sessions. */
  checks(loaded: L): Check[];
  /**
   * Takes into use what was read anew; nothing that is under way ends.
   *
   * @returns The settings that differ and take another start.
   */
  reload(loaded: L): string[];
}

/** A command that runs a handler. */
export interface Program<L extends Loaded> {
  /** Which one. */
  readonly command: "server" | "client";
  /** What it was given. */
  readonly args: string[];
  /**
   * Reads what it is told: the flags, the file, and the files that these name.
   *
   * @throws {UsageError} With a line for each mistake.
   */
  load(): Promise<L>;
  /** The settings, and the files that they name, that differ; by their keys in the file. */
  differences(before: L, after: L): string[];
  /**
   * Makes the handler, which listens from then on.
   *
   * @param group The workers of this process.
   * @throws {StartError} When it can't.
   */
  start(loaded: L, log: Log, group: WorkerGroup): Started<L>;
}

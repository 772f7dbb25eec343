import { fileLimit, openFiles } from "../net/linux.ts";

/** What the process takes of the machine. */
export interface ProcessState {
  /** In bytes. */
  readonly residentMemory: number;
  /** How many files are open; null where that can't be told. */
  readonly openFiles: number | null;
  /** How many may be; null where that can't be told. */
  readonly maxFiles: number | null;
  /** When it began, in milliseconds since 1970. */
  readonly started: number;
}

/** Looks at this process. */
export function processState(): ProcessState {
  return {
    residentMemory: Deno.memoryUsage().rss,
    openFiles: openFiles(),
    maxFiles: fileLimit(),
    started: performance.timeOrigin,
  };
}

import { fileLimit, openFiles } from "../net/linux/descriptors.ts";

/** What the process takes of the machine. */
export interface ProcessState {
  /** In bytes. */
  readonly residentMemory: number;
  /** What this event loop's heap takes of it, in bytes. */
  readonly heap: number;
  /** What this event loop holds outside of its heap, in bytes: mostly buffers. */
  readonly external: number;
  /** How many files are open; null where that can't be told. */
  readonly openFiles: number | null;
  /** How many may be; null where that can't be told. */
  readonly maxFiles: number | null;
  /** When it began, in milliseconds since 1970. */
  readonly started: number;
}

/** Looks at this process. */
export function processState(): ProcessState {
  const { rss, heapTotal, external } = Deno.memoryUsage();
  return {
    residentMemory: rss,
    heap: heapTotal,
    external,
    openFiles: openFiles(),
    maxFiles: fileLimit(),
    started: performance.timeOrigin,
  };
}

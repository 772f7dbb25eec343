import { fileLimit, openFiles } from "../net/linux/descriptors.ts";

/** Resources that the process uses. */
export interface ProcessState {
  /** Resident memory, in bytes. */
  readonly residentMemory: number;
  /** Size of this event loop's heap, in bytes. */
  readonly heap: number;
  /** Memory that this event loop holds outside its heap, mostly buffers, in bytes. */
  readonly external: number;
  /** Number of open files; null if unknown. */
  readonly openFiles: number | null;
  /** Maximum number of open files; null if unknown. */
  readonly maxFiles: number | null;
  /** Start time, in milliseconds since 1970. */
  readonly started: number;
}

/** Measures this process. */
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

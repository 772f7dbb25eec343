import type { LogConfig } from "../config/types.ts";
import { LineQueue, type Sink } from "../log/line_queue.ts";
import { createLog, type Log, type LogLevel, minimumLevel } from "../log/log.ts";
import type { Metric } from "../observe/metrics.ts";
import { Recent } from "../log/recent.ts";
import type { View } from "../observe/view.ts";

/** Maximum wait for a reader that stalls when the process ends, in milliseconds. */
const LAST_WORDS = 1000;

/** The log of a process that runs a handler: to standard error, without ever waiting for its reader. */
export class ProcessLog implements AsyncDisposable {
  /** What to write, and how; a reload replaces it. */
  config: LogConfig;
  /** The last lines. */
  readonly recent: Recent = new Recent();
  /** For the handler's work. */
  readonly work: Log;
  /** For the handler's own start, reload and end, which quiet mode keeps. */
  readonly life: Log;
  readonly #lines: LineQueue;

  /** An empty log. @param sink Default: standard error. */
  constructor(config: LogConfig, sink: Sink = Deno.stderr) {
    this.config = config;
    this.#lines = new LineQueue(sink, {
      dropped: (lines) => this.life.warn("log lines dropped", { lines, reason: "standard error was not read in time" }),
    });
    this.work = this.#log(() => minimumLevel(this.config.level));
    this.life = this.#log(() => this.config.level === "quiet" ? "info" : this.config.level);
  }

  /** A handler's view, with what concerns this log added. */
  view(view: View): View {
    return {
      metrics: async () => [...await view.metrics(), this.#metric()],
      status: () => view.status(),
      history: () => view.history(),
      listen: (listener) => view.listen(listener),
      close: () => view.close(),
    };
  }

  /** Writes what still waits, for a second at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.close(LAST_WORDS);
  }

  #metric(): Metric {
    return {
      name: "micss_log_lines_dropped_total",
      help: "Log lines that standard error did not take in time.",
      type: "counter",
      samples: [{ value: this.#lines.dropped }],
    };
  }

  #log(level: () => LogLevel): Log {
    const config = () => this.config;
    return this.recent.of(createLog({
      get level() {
        return level();
      },
      get format() {
        return config().format;
      },
      write: (line) => this.#lines.push(line),
    }));
  }
}

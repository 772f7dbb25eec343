import type { LogConfig } from "../config/types.ts";
import { LineQueue, type Sink } from "../log/line_queue.ts";
import { formatLine, type Log, type LogLevel, minimumLevel, relayLog } from "../log/log.ts";
import type { Metric } from "../observe/metrics.ts";
import { Recent } from "../log/recent.ts";
import type { View } from "../observe/view.ts";

/** Maximum wait for a stalled reader when the process ends, in milliseconds. */
const FLUSH_TIMEOUT = 1000;

/** The log of a process that runs a handler. Writes to standard error and never waits for its reader. */
export class ProcessLog implements AsyncDisposable {
  /** Current settings; a reload replaces them. */
  config: LogConfig;
  /** The most recent lines. */
  readonly recent: Recent = new Recent();
  /** Events of the handler. */
  readonly handler: Log;
  /** Start, reload and end of the process; written in quiet mode, too. */
  readonly lifecycle: Log;
  readonly #lines: LineQueue;

  /** @param sink Default: standard error. */
  constructor(config: LogConfig, sink: Sink = Deno.stderr) {
    this.config = config;
    this.#lines = new LineQueue(sink, {
      dropped: (lines) =>
        this.lifecycle.warn("log lines dropped", { lines, reason: "standard error was not read in time" }),
    });
    this.handler = this.#log(() => minimumLevel(this.config.level));
    this.lifecycle = this.#log(() => this.config.level === "quiet" ? "info" : this.config.level);
  }

  /** Adds the log's own metric to a handler's view. */
  view(view: View): View {
    return {
      metrics: async () => [...await view.metrics(), this.#metric()],
      status: () => view.status(),
      history: () => view.history(),
      listen: (listener) => view.listen(listener),
      close: () => view.close(),
    };
  }

  /** Writes queued lines, for at most a second. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.close(FLUSH_TIMEOUT);
  }

  #metric(): Metric {
    return {
      name: "micss_log_lines_dropped_total",
      help: "Log lines dropped because standard error was not read in time.",
      type: "counter",
      samples: [{ value: this.#lines.dropped }],
    };
  }

  #log(minimum: () => LogLevel): Log {
    return this.recent.of(relayLog(minimum, (...entry) => {
      this.#lines.push(formatLine(this.config.format, entry));
    }));
  }
}

import type { Recent } from "../../log/recent.ts";
import type { View } from "../view.ts";
import type { Status } from "../status.ts";

/** Maximum number of open streams. */
const MAX_STREAMS = 16;

/** Maximum number of messages queued for a slow reader; later ones are skipped until it has caught up. */
const MAX_WAITING = 4;

/**
 * Streams of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `history` first, then
 * `status` every second, with only those `events` that are new to the reader.
 */
export class Streams {
  readonly #view: View;
  readonly #recent: Recent;
  readonly #status: (events: Status["events"]) => Promise<Status>;
  readonly #closes = new Set<() => void>();
  #closed = false;

  /**
   * Starts without readers.
   *
   * @param status Makes a status with the given events.
   */
  constructor(view: View, recent: Recent, status: (events: Status["events"]) => Promise<Status>) {
    this.#view = view;
    this.#recent = recent;
    this.#status = status;
  }

  /** Opens a stream for another reader; null at the maximum. */
  async open(): Promise<ReadableStream<Uint8Array> | null> {
    const history = await this.#view.history();
    if (this.#closed || this.#closes.size >= MAX_STREAMS) return null;
    const encoder = new TextEncoder();
    const message = (event: string, data: unknown) =>
      encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    let last = 0;
    let stop = () => {};
    let sending = false, stopped = false;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = async () => {
          if (sending || (controller.desiredSize ?? 0) <= 0) return;
          sending = true;
          try {
            const events = this.#recent.after(last);
            const status = await this.#status(events);
            if (stopped) return;
            last = events.at(-1)?.number ?? last;
            controller.enqueue(message("status", status));
          } finally {
            sending = false;
          }
        };
        const cancel = this.#view.listen(() => void send().catch(() => {}));
        const close = () => {
          stop();
          controller.close();
        };
        stop = () => {
          stopped = true;
          cancel();
          this.#closes.delete(close);
        };
        this.#closes.add(close);
        controller.enqueue(message("history", history));
        send().catch(() => {});
      },
      cancel: () => stop(),
    }, { highWaterMark: MAX_WAITING });
  }

  /** Ends all streams. */
  close(): void {
    this.#closed = true;
    for (const close of [...this.#closes]) close();
  }
}

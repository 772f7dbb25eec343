import type { Recent } from "../../log/recent.ts";
import type { View } from "../view.ts";
import type { Status } from "../status.ts";

/** How many pages may be looked at at once. */
const MAX_STREAMS = 16;

/** How many messages may wait for a reader that is slow; it gets the later ones only when it has caught up. */
const MAX_WAITING = 4;

/**
 * What happens, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `history`
 * first, and `status` each second, its `events` only those that are new to the reader.
 */
export class Streams {
  readonly #view: View;
  readonly #recent: Recent;
  readonly #status: (events: Status["events"]) => Promise<Status>;
  readonly #closes = new Set<() => void>();
  #closed = false;

  /**
   * No reader yet.
   *
   * @param status Makes a status with these events.
   */
  constructor(view: View, recent: Recent, status: (events: Status["events"]) => Promise<Status>) {
    this.#view = view;
    this.#recent = recent;
    this.#status = status;
  }

  /** A stream for another reader; null when there are too many. */
  async open(): Promise<ReadableStream<Uint8Array> | null> {
    const history = await this.#view.history();
    if (this.#closed || this.#closes.size >= MAX_STREAMS) return null;
    const encoder = new TextEncoder();
    const message = (event: string, data: unknown) =>
      encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    let last = 0;
    let stop = () => {};
    let sending = false, over = false;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = async () => {
          if (sending || (controller.desiredSize ?? 0) <= 0) return;
          sending = true;
          try {
            const events = this.#recent.after(last);
            const status = await this.#status(events);
            if (over) return;
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
          over = true;
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

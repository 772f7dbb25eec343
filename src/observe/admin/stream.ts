import type { Recent } from "../recent.ts";
import type { Sampler } from "../sampler.ts";
import { historyOf, type Status } from "./status.ts";

/** How many pages may be looked at at once. */
const MOST_STREAMS = 16;

/** How many messages may wait for a reader that is slow; it gets the later ones only when it has caught up. */
const MOST_WAITING = 4;

/**
 * What happens, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `history`
 * first, and `status` each second, its `events` only those that are new to the reader.
 */
export class Streams {
  readonly #sampler: Sampler;
  readonly #recent: Recent;
  readonly #status: (events: Status["events"]) => Status;
  readonly #closes = new Set<() => void>();

  /**
   * No reader yet.
   *
   * @param status Makes a status with these events.
   */
  constructor(sampler: Sampler, recent: Recent, status: (events: Status["events"]) => Status) {
    this.#sampler = sampler;
    this.#recent = recent;
    this.#status = status;
  }

  /** A stream for another reader; null when there are too many. */
  open(): ReadableStream<Uint8Array> | null {
    if (this.#closes.size >= MOST_STREAMS) return null;
    const encoder = new TextEncoder();
    const message = (event: string, data: unknown) =>
      encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    let last = 0;
    let stop = () => {};
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = () => {
          if ((controller.desiredSize ?? 0) <= 0) return;
          const events = this.#recent.after(last);
          last = events.at(-1)?.number ?? last;
          controller.enqueue(message("status", this.#status(events)));
        };
        const forget = this.#sampler.listen(send);
        const close = () => {
          stop();
          controller.close();
        };
        stop = () => {
          forget();
          this.#closes.delete(close);
        };
        this.#closes.add(close);
        controller.enqueue(message("history", historyOf(this.#sampler.looks.slice(0, -1))));
        send();
      },
      cancel: () => stop(),
    }, { highWaterMark: MOST_WAITING });
  }

  /** Ends all streams. */
  close(): void {
    for (const close of [...this.#closes]) close();
  }
}

import { collect } from "./collect.ts";
import { type HandlerStatus, handlerStatus, type History, historyOf } from "./status.ts";
import type { Metric } from "./metrics.ts";
import type { Observable } from "./observable.ts";
import { Sampler } from "./sampler.ts";

/** Observes a handler, in whichever event loops it runs. Its owner closes it. */
export interface View {
  /** Current metrics. */
  metrics(): Promise<Metric[]>;
  /** Current status. */
  status(): Promise<HandlerStatus>;
  /** Rates of the last minute, without the last second, which the status has. */
  history(): Promise<History>;
  /** Calls `listener` after each sample, once a second. @returns Removes the listener. */
  listen(listener: () => void): () => void;
  /** Stops sampling. */
  close(): void;
}

/** Observes a handler of this event loop. */
export class HandlerView implements View {
  readonly #handler: Observable;
  readonly #version: string;
  readonly #sampler: Sampler;

  /** Samples from now on. @param version The program's version. */
  constructor(handler: Observable, version: string) {
    this.#handler = handler;
    this.#version = version;
    this.#sampler = new Sampler(handler.activity);
  }

  metrics(): Promise<Metric[]> {
    return Promise.resolve(collect(this.#handler, { version: this.#version, loopLag: this.#sampler.loopLag }));
  }

  status(): Promise<HandlerStatus> {
    return Promise.resolve(handlerStatus(this.#handler, this.#sampler.channels));
  }

  history(): Promise<History> {
    return Promise.resolve(historyOf(this.#sampler.samples.slice(0, -1)));
  }

  listen(listener: () => void): () => void {
    return this.#sampler.listen(listener);
  }

  close(): void {
    this.#sampler.close();
  }
}

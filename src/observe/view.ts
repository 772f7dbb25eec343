import { collect } from "./collect.ts";
import { type HandlerStatus, handlerStatus, type History, historyOf } from "./status.ts";
import type { Metric } from "./metrics.ts";
import type { Observable } from "./observable.ts";
import { Sampler } from "./sampler.ts";

/** What can be seen of a handler, wherever its event loops are. Its owner closes it. */
export interface View {
  /** All metrics, as they are now. */
  metrics(): Promise<Metric[]>;
  /** The state that it is in. */
  status(): Promise<HandlerStatus>;
  /** What channels did in the last minute but for the last second, which the status has. */
  history(): Promise<History>;
  /** Calls `listener` each second, when there is something new to see. @returns Stops that. */
  listen(listener: () => void): () => void;
  /** Looks no more. */
  close(): void;
}

/** A handler of this event loop. */
export class HandlerView implements View {
  readonly #handler: Observable;
  readonly #version: string;
  readonly #sampler: Sampler;

  /** Looks from now on. @param version The program's. */
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
    return Promise.resolve(historyOf(this.#sampler.looks.slice(0, -1)));
  }

  listen(listener: () => void): () => void {
    return this.#sampler.listen(listener);
  }

  close(): void {
    this.#sampler.close();
  }
}

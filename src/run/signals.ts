/** Signals of a process, in order of arrival. Signals that arrive between calls are queued. */
export interface Signals {
  /** Waits for the next one. */
  next(): Promise<Deno.Signal>;
}

/** Signals of this process, until disposed of. */
export class SystemSignals implements Signals, Disposable {
  readonly #pending: Deno.Signal[] = [];
  readonly #listeners: readonly { readonly signal: Deno.Signal; readonly listener: () => void }[];
  #wake: (() => void) | null = null;

  /** @param signals Signals to catch; ignores those that the system does not have. */
  constructor(signals: readonly Deno.Signal[]) {
    const known = signals.filter((signal) => Deno.build.os !== "windows" || signal === "SIGINT");
    this.#listeners = known.map((signal) => ({ signal, listener: () => this.#add(signal) }));
    for (const { signal, listener } of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  async next(): Promise<Deno.Signal> {
    while (this.#pending.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#pending.shift()!;
  }

  /** Restores the system's handling of the signals. */
  [Symbol.dispose](): void {
    for (const { signal, listener } of this.#listeners) Deno.removeSignalListener(signal, listener);
  }

  #add(signal: Deno.Signal): void {
    this.#pending.push(signal);
    this.#wake?.();
  }
}

/** The signals that a process gets, in their order; none is lost while nobody waits. */
export interface Signals {
  /** Waits for the next one. */
  next(): Promise<Deno.Signal>;
}

/** Those of this process, from now on until it is disposed of. */
export class SystemSignals implements Signals, Disposable {
  readonly #come: Deno.Signal[] = [];
  readonly #listeners: readonly { readonly signal: Deno.Signal; readonly listener: () => void }[];
  #wake: (() => void) | null = null;

  /** Listens. @param signals Which ones; those that the system does not have are left out. */
  constructor(signals: readonly Deno.Signal[]) {
    const known = signals.filter((signal) => Deno.build.os !== "windows" || signal === "SIGINT");
    this.#listeners = known.map((signal) => ({ signal, listener: () => this.#add(signal) }));
    for (const { signal, listener } of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  async next(): Promise<Deno.Signal> {
    while (this.#come.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#come.shift()!;
  }

  /** Leaves the signals to the system again. */
  [Symbol.dispose](): void {
    for (const { signal, listener } of this.#listeners) Deno.removeSignalListener(signal, listener);
  }

  #add(signal: Deno.Signal): void {
    this.#come.push(signal);
    this.#wake?.();
  }
}

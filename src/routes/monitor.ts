import { findProgram } from "../net/linux/programs.ts";

/** Follows changes of links, addresses, routes and rules, by `ip monitor`. */
export class NetworkMonitor implements AsyncDisposable {
  readonly #child: Deno.ChildProcess | undefined;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  /** Starts to follow. Without `ip` nothing ever changes. */
  constructor() {
    const path = findProgram("ip");
    if (path === undefined) return;
    const args = ["monitor", "link", "address", "route", "rule"];
    this.#child = new Deno.Command(path, { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
    this.#follow(this.#child.stdout);
  }

  /** Resolves at the next change after the last call. */
  async next(): Promise<void> {
    await this.#changed.promise;
    this.#changed = Promise.withResolvers();
  }

  /** Ends the program. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child?.kill();
    } catch {
      // It has ended.
    }
    await this.#child?.status;
  }

  async #follow(output: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const _ of output) this.#changed.resolve();
    } catch {
      // It has ended; checks at intervals remain.
    }
  }
}

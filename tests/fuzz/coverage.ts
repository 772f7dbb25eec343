import { Session } from "node:inspector";

interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
  }[];
}

/** The project's code that has run, by V8's own count, to find inputs that reach new code. */
export class Coverage implements Disposable {
  readonly #session = new Session();
  /** For each script's URL, a byte per character that is set if it has run. */
  readonly #known = new Map<string, Uint8Array>();
  #seen: Script[] = [];

  /** Starts counting. */
  static async start(): Promise<Coverage> {
    const coverage = new Coverage();
    coverage.#session.connect();
    await coverage.#post("Profiler.enable");
    await coverage.#post("Profiler.startPreciseCoverage", { callCount: false, detailed: true });
    return coverage;
  }

  /** Takes a new count. @returns Whether it includes code that never ran before. */
  async look(): Promise<boolean> {
    const { result } = await this.#post("Profiler.takePreciseCoverage") as { result: Script[] };
    this.#seen = result.filter(({ url }) => url.includes("/src/"));
    return this.#seen.some((script) => this.#mark(script, false));
  }

  /** Marks the last count as known. */
  learn(): void {
    for (const script of this.#seen) this.#mark(script, true);
  }

  /** Number of characters of code that have run. */
  get size(): number {
    return this.#known.values().reduce((sum, known) => sum + known.reduce((a, b) => a + b, 0), 0);
  }

  /** Stops counting. */
  [Symbol.dispose](): void {
    this.#session.disconnect();
  }

  /** Reports whether a script ran code that had not run before. */
  #mark({ url, functions }: Script, learn: boolean): boolean {
    const length = Math.max(0, ...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)));
    const ran = new Uint8Array(length);
    // Outer ranges precede the inner ones, which are more precise.
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
    const before = this.#known.get(url) ?? new Uint8Array(0);
    if (!learn) return ran.some((yes, at) => yes === 1 && before[at] !== 1);
    this.#known.set(
      url,
      Uint8Array.from({ length: Math.max(length, before.length) }, (_, at) => ran[at]! | before[at]!),
    );
    return true;
  }

  #post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, params, (error, result) => error === null ? resolve(result) : reject(error));
    });
  }
}

import { bytes, seconds } from "./format.ts";
import { INDENT, MARGIN, type Screen } from "./screen.ts";

/** How far a transfer is. */
export interface Progress {
  /** In bytes. */
  readonly bytes: number;
  /** Since its begin, in milliseconds. */
  readonly ms: number;
}

/** How often the bar moves, in milliseconds. */
const PERIOD = 80;

/** After how many bytes there is a line, where there is no bar. */
const LINE_EVERY = 100_000_000;

/** Shows a transfer that ends after so many bytes or so long: a bar on a terminal, else a line now and then. */
export class ProgressBar {
  readonly #screen: Screen;
  readonly #limits: Progress;
  #shown = -Infinity;
  #lines = 0;

  /**
   * Shows nothing yet.
   *
   * @param limits The transfer ends at whichever comes first.
   */
  constructor(screen: Screen, limits: Progress) {
    this.#screen = screen;
    this.#limits = limits;
  }

  /** Tells how far it is; may be called for every read. */
  update(progress: Progress): void {
    if (this.#screen.live) {
      if (progress.ms - this.#shown < PERIOD) return;
      this.#shown = progress.ms;
      this.#screen.status(this.#bar(progress));
    } else if (progress.bytes >= (this.#lines + 1) * LINE_EVERY) {
      this.#lines = Math.floor(progress.bytes / LINE_EVERY);
      this.#screen.lines(`${MARGIN}${figures(progress)}`);
    }
  }

  #bar(progress: Progress): string {
    const part = Math.min(1, Math.max(progress.bytes / this.#limits.bytes, progress.ms / this.#limits.ms));
    const text = figures(progress);
    // Two columns between the bar and the text, and one that stays empty.
    const width = Math.max(10, Math.min(40, this.#screen.width - INDENT - text.length - 3));
    const full = Math.round(part * width);
    return `${MARGIN}${this.#screen.green("━".repeat(full))}${this.#screen.dim("─".repeat(width - full))}  ${text}`;
  }
}

/** "120.3 MB in 1.1 s   109 MB/s", always equally wide. */
function figures(progress: Progress): string {
  return `${bytes(progress.bytes).padStart(8)} in ${seconds(progress.ms)}   ${rate(progress).padStart(8)}`;
}

/** How fast it is on the whole: "109 MB/s". */
export function rate({ bytes, ms }: Progress): string {
  return `${(bytes / 1_000 / Math.max(ms, 1)).toFixed(0)} MB/s`;
}

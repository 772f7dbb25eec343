import { bytes, seconds } from "../text/format.ts";
import { INDENT, MARGIN, type Screen } from "./screen.ts";

/** Progress of a transfer. */
export interface Progress {
  /** In bytes. */
  readonly bytes: number;
  /** Time since the start, in milliseconds. */
  readonly ms: number;
}

/** Interval of the bar's updates, in milliseconds. */
const PERIOD = 80;

/** Bytes per line if there is no bar. */
const LINE_EVERY = 100_000_000;

/** Shows the progress of a transfer limited in bytes and time: a bar on a terminal, otherwise occasional lines. */
export class ProgressBar {
  readonly #screen: Screen;
  readonly #limits: Progress;
  #shown = -Infinity;
  #lines = 0;

  /**
   * Creates a bar without showing it.
   *
   * @param limits The transfer ends at whichever is reached first.
   */
  constructor(screen: Screen, limits: Progress) {
    this.#screen = screen;
    this.#limits = limits;
  }

  /** Updates the progress; cheap enough to call for every read. */
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
    // Two columns between bar and text, and one that stays empty.
    const width = Math.max(10, Math.min(40, this.#screen.width - INDENT - text.length - 3));
    const full = Math.round(part * width);
    return `${MARGIN}${this.#screen.green("━".repeat(full))}${this.#screen.dim("─".repeat(width - full))}  ${text}`;
  }
}

/** "120.3 MB in 1.1 s   109 MB/s", with constant width. */
function figures(progress: Progress): string {
  return `${bytes(progress.bytes).padStart(8)} in ${seconds(progress.ms)}   ${rate(progress).padStart(8)}`;
}

/** Average rate: "109 MB/s". */
export function rate({ bytes, ms }: Progress): string {
  return `${(bytes / 1_000 / Math.max(ms, 1)).toFixed(0)} MB/s`;
}

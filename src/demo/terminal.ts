import { environment } from "../config/environment.ts";
import type { ScreenOptions } from "./screen.ts";

/** The narrowest and the widest that the demo is laid out for, in columns. */
const NARROWEST = 60, WIDEST = 120;

/** What is taken where nobody tells, in columns. */
const USUAL_WIDTH = 80;

/** A file, a pipe, or a terminal that can do no more than those. */
export const PLAIN: ScreenOptions = { width: USUAL_WIDTH, live: false, colour: false };

/** What standard output can do. Colours only on a terminal, and never with NO_COLOR (no-color.org). */
export function standardTerminal(): ScreenOptions {
  if (!Deno.stdout.isTerminal() || environment("TERM") === "dumb") return PLAIN;
  const width = Math.max(NARROWEST, Math.min(WIDEST, terminalWidth()));
  return { width, live: true, colour: !Deno.noColor };
}

function terminalWidth(): number {
  try {
    // A terminal that does not know says 0.
    return Deno.consoleSize().columns || USUAL_WIDTH;
  } catch {
    return USUAL_WIDTH;
  }
}

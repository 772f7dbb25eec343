import { environment } from "../config/environment.ts";
import type { ScreenOptions } from "./screen.ts";

/** Minimum and maximum width of the layout, in columns. */
const NARROWEST = 60, WIDEST = 120;

/** Default width, in columns. */
const USUAL_WIDTH = 80;

/** A file, a pipe, or a terminal without capabilities. */
export const PLAIN: ScreenOptions = { width: USUAL_WIDTH, live: false, colour: false };

/** Capabilities of standard output. Uses colours only on a terminal, and never with NO_COLOR (no-color.org). */
export function standardTerminal(): ScreenOptions {
  if (!Deno.stdout.isTerminal() || environment("TERM") === "dumb") return PLAIN;
  const width = Math.max(NARROWEST, Math.min(WIDEST, terminalWidth()));
  return { width, live: true, colour: !Deno.noColor };
}

function terminalWidth(): number {
  try {
    // A terminal of unknown width reports 0.
    return Deno.consoleSize().columns || USUAL_WIDTH;
  } catch {
    return USUAL_WIDTH;
  }
}

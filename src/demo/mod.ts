/**
 * A demonstration on one machine: what a connection through several channels looks like to who uses it, and to who taps
 * the channels.
 *
 * @module
 */
export { type DemoOptions, runDemo } from "./run.ts";
export { DemoError } from "./error.ts";
export { Screen, type ScreenOptions } from "./screen.ts";
export { PLAIN, standardTerminal } from "./terminal.ts";

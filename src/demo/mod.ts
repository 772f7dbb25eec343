/**
 * A demonstration on one machine: a connection through several channels as seen by the application, and by wiretaps on
 * the channels.
 *
 * @module
 */
export { type DemoOptions, runDemo } from "./run.ts";
export { DemoError } from "./error.ts";
export { Screen, type ScreenOptions } from "./screen.ts";
export { PLAIN, standardTerminal } from "./terminal.ts";

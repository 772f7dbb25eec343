/**
 * Measures for users: what each of a server's channels can do, what MICSS makes of them, and which one limits.
 *
 * @module
 */
export { Answerer } from "./answerer.ts";
export { BENCH_PORT } from "./protocol.ts";
export { report } from "./report.ts";
export { BenchError, type BenchOptions, type BenchResult, benchServer } from "./run.ts";

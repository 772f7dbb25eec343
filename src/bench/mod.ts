/**
 * Measurements for users: the performance of each channel of a server, and of MICSS over all, and which channel limits.
 *
 * @module
 */
export { Answerer } from "./answerer.ts";
export { BENCH_PORT } from "./protocol.ts";
export { MEASURABLE, measureChannels, type MeasuredQualities } from "./qualities.ts";
export { report } from "./report.ts";
export { BenchError, type BenchOptions, type BenchResult, benchServer } from "./run.ts";

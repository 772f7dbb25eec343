/**
 * The model behind `micss plan`: privacy, rate, loss and delay of each choice of channels and threshold.
 *
 * @module
 */
export type { Channel, Properties } from "./channel.ts";
export { type Choice, isRunnable, type Plan, plan } from "./plan.ts";
export type { Wish } from "./wish.ts";
export { report } from "./view/report.ts";
export { svg } from "./view/svg.ts";

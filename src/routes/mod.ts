/**
 * Policy routing that keeps each channel on its own link: a rule leads the channel's packets to a table, and the table ends
 * in a route at which packets go nowhere. Linux would otherwise carry a living connection on over another link when its own
 * goes down (docs/SECURITY.md).
 *
 * ```text
 *  configuration --> channels.ts --+
 *                                  +--> plan.ts --> changes.ts --> ip -batch
 *  ip -json --> parse.ts: network -+
 * ```
 *
 * @module
 */
export { planAll, putRoutes, removeRoutes } from "./apply.ts";
export { changesTo } from "./changes.ts";
export { clientChannels, routableChannels, type RoutedChannel, serverChannels } from "./channels.ts";
export { RoutesError } from "./error.ts";
export { shellLines, systemIp } from "./ip.ts";
export { keptApart } from "./kept.ts";
export { NetworkMonitor } from "./monitor.ts";
export type { Way } from "./plan.ts";
export { describeWay, sharedDevices, verifyRoutes } from "./verify.ts";
export { RoutesWatch } from "./watch.ts";

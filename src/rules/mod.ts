/**
 * Firewall rules that redirect connections to the client handler and protect the server handler (paper, section III-B).
 * They are made from the handlers' configuration, for nftables or iptables, and installed, verified and removed as a whole.
 *
 * ```text
 *  configuration --> client.ts, server.ts --> ruleset --> nft.ts, xtables.ts --> text --> nft, iptables-restore
 *                                                |
 *                                   probe.ts, verify.ts: one more rule, one connection or datagram
 * ```
 *
 * Rules for UDP mark packets, which `marked_route.ts` brings back to this machine.
 *
 * @module
 */
export { probesOf, putRules, tryRules } from "./apply.ts";
export { availableBackends, chooseBackend } from "./choose.ts";
export { removeRules } from "./remove.ts";
export { type ClientRulesPlan, clientRulesPlan } from "./client.ts";
export { type ResolvedNames, systemNames } from "./names.ts";
export { checkTools, Installed, readRoute } from "./installed.ts";
export { hostsOf } from "./resolved_servers.ts";
export { shellScript } from "./print.ts";
export { type Protocol, type Ruleset, type Side, SIDES } from "./ruleset.ts";
export { serverRuleset } from "./server.ts";
export { NoPermission, RulesError, systemTools, type Tools } from "./tools.ts";
export { describeProbe } from "./verify.ts";
export { RulesWatch } from "./watch.ts";

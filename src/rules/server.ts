import type { ServerConfig } from "../config/types.ts";
import { portAbove } from "../net/address.ts";
import { UsageError } from "../config/problems.ts";
import type { ResolvedNames } from "./names.ts";
import { addressesOf } from "./resolved_servers.ts";
import type { Rule, Ruleset } from "./ruleset.ts";

/**
 * Makes the rules that protect a server handler: its ports are open at the channels' addresses only, and each channel has
 * its own limit on the rate of new connections, so that a flood on one path does not reach the handler. They open nothing
 * that another firewall closes: packets that they don't drop continue to the machine's other rules.
 *
 * @throws {UsageError} If a channel's host does not resolve.
 */
export function serverRuleset(config: ServerConfig, names: ResolvedNames): Ruleset {
  const { rate } = config.rules!;
  // Each worker listens one port above the one before.
  const channels = config.channels.flatMap((channel) =>
    Array.from({ length: config.workers }, (_, worker) => portAbove(channel, worker))
  );
  const ports = [...new Set(channels.map(({ port }) => port))];
  if (ports.includes(0)) {
    throw new UsageError(["micss rules: a channel at port 0 gets a different port each time; give it a fixed one"]);
  }
  const rules: Rule[] = [
    { note: "Established connections", established: true, verdict: "return" },
    ...channels.flatMap(({ host, port }) => {
      const note = `Channel at ${host}, up to ${rate} new connections a second`;
      // An IPv6 socket at :: accepts IPv4 connections too.
      if (host === "::") return [{ note, toPort: port, rate, verdict: "return" } satisfies Rule];
      if (host === "0.0.0.0") return [{ note, family: "ipv4", toPort: port, rate, verdict: "return" } satisfies Rule];
      return addressesOf(host, names).map((to): Rule => ({ note, to, toPort: port, rate, verdict: "return" }));
    }),
    ...ports.map((port): Rule => ({ note: "Over the rate, or at another address", toPort: port, verdict: "drop" })),
  ];
  return { side: "server", chains: [{ hook: "input", rules }] };
}

import type { Sharing } from "../../association/association_options.ts";
import type { ClientConfig, Server } from "../../config/types.ts";

/** Sharing with a server: the threshold, if fewer channels than all suffice; otherwise the length of shares. */
export function sharingWith(
  server: Server,
  config: Pick<ClientConfig, "threshold" | "shares">,
): Pick<Sharing, "threshold" | "short"> {
  const { channels, threshold = config.threshold ?? channels.length, shares = config.shares } = server;
  return threshold < channels.length ? { threshold } : { short: shares === "short" };
}

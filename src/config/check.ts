import { type Address, formatAddress } from "../net/address.ts";
import { canonicalHost, sameHost } from "../net/ip.ts";
import type { JsonSchema } from "./json_schema.ts";
import type { Problems } from "./problems.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "./bounds.ts";

/** How many channels there are, for editors. */
export const CHANNELS_BOUNDS: JsonSchema = { minItems: MIN_CHANNELS, maxItems: MAX_CHANNELS };

/**
 * Adds a mistake where `channels` are too few or too many.
 *
 * @param owner What messages point at: the list, or what it belongs to.
 */
export function checkChannelCount(channels: readonly Address[], owner: object, problems: Problems): void {
  const { length } = channels;
  if (length >= MIN_CHANNELS && length <= MAX_CHANNELS) return;
  const have = length === 0 ? "no channel" : length === 1 ? "only one channel" : `${length} channels`;
  problems.at(owner, `${have}; give ${MIN_CHANNELS} to ${MAX_CHANNELS}, each at an address of its own`);
}

/**
 * Adds a mistake for each channel whose host another one has: who owns one path to a host sees all shares that go there
 * (paper, section III-A). Names are not resolved.
 */
export function checkDistinctHosts(channels: readonly Address[], problems: Problems): void {
  for (const channel of repeated(channels, ({ host }) => canonicalHost(host))) {
    problems.at(channel, `two channels at ${channel.host} are one path; give each channel an address of its own`);
  }
}

/** Adds a mistake for each address that is there already. Port 0 asks for any free port and is never the same. */
export function checkDistinctListeners(addresses: readonly Address[], problems: Problems): void {
  const fixed = addresses.filter(({ port }) => port !== 0);
  for (const address of repeated(fixed, ({ host, port }) => `${canonicalHost(host)} ${port}`)) {
    problems.at(address, `${formatAddress(address)} is listened at already; give each way in a port of its own`);
  }
}

/** Adds a mistake for each address at any free port: several workers could not agree on one. */
export function checkFixedPorts(addresses: readonly Address[], problems: Problems): void {
  for (const address of addresses.filter(({ port }) => port === 0)) {
    problems.at(address, `${formatAddress(address)} is another port for each worker; with workers, give a port`);
  }
}

/**
 * Adds a mistake for each channel whose workers' ports, as many from its own on, are another one's at the same host, or
 * are too high to be ports.
 */
export function checkPortRanges(channels: readonly Address[], workers: number, problems: Problems): void {
  const highest = 65536 - workers;
  channels.forEach((channel, at) => {
    const { host, port } = channel;
    if (port > highest) {
      problems.at(
        channel,
        `${workers} workers listen at ${workers} ports from ${port} on; give a port up to ${highest}`,
      );
    }
    const other = channels.slice(0, at).find((one) =>
      sameHost(one.host, host) && one.port !== port && Math.abs(one.port - port) < workers
    );
    if (other === undefined || port === 0 || other.port === 0) return;
    problems.at(
      channel,
      `${workers} workers listen at ${workers} ports from ${port} on, some of them those of ${formatAddress(other)}; ` +
        `give ports ${workers} apart`,
    );
  });
}

/** The items that have the same key as one before them. */
export function repeated<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const known = seen.has(key(item));
    seen.add(key(item));
    return known;
  });
}

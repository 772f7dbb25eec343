import { covers } from "../net/listen/listen.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { canonicalHost, connectedHost, sameHost, withoutZone } from "../net/ip.ts";
import type { JsonSchema } from "./json_schema.ts";
import type { Problems } from "./problems.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "../wire/associate.ts";

/** Bounds on a list of channels, for editors. */
export const CHANNELS_BOUNDS: JsonSchema = { minItems: MIN_CHANNELS, maxItems: MAX_CHANNELS };

/**
 * Reports too few or too many channels.
 *
 * @param owner Value that messages point at: the list, or its parent.
 */
export function checkChannelCount(channels: readonly Address[], owner: object, problems: Problems): void {
  const { length } = channels;
  if (length >= MIN_CHANNELS && length <= MAX_CHANNELS) return;
  const have = length === 0 ? "no channels" : length === 1 ? "only one channel" : `${length} channels`;
  problems.at(owner, `${have}; give ${MIN_CHANNELS} to ${MAX_CHANNELS}, each at its own address`);
}

/**
 * Reports each channel that shares a host with an earlier one: an attacker on the path to that host would see the
 * shares of both (paper, section III-A). Names are not resolved. The unspecified address counts as loopback, which it leads
 * to.
 */
export function checkDistinctHosts(channels: readonly Address[], problems: Problems): void {
  channels.forEach((channel, index) => {
    const host = connectedHost(channel.host), earlier = channels.slice(0, index).map(({ host }) => connectedHost(host));
    if (earlier.some((other) => sameHost(other, host))) {
      problems.at(channel, `two channels use ${channel.host}, and so one path; give each its own address`);
    } else if (earlier.some((other) => sameHost(withoutZone(other), withoutZone(host)))) {
      // A connection's addresses have no zone, so the server handler takes both for one.
      problems.at(
        channel,
        `only their zones tell two channels at ${withoutZone(host)} apart; give each its own address`,
      );
    }
  });
}

/** Reports each address that an earlier listener uses. Port 0 asks for any free port, and never collides. */
export function checkDistinctListeners(addresses: readonly Address[], problems: Problems): void {
  const fixed = addresses.filter(({ port }) => port !== 0);
  for (const address of repeated(fixed, ({ host, port }) => `${canonicalHost(host)} ${port}`)) {
    problems.at(address, `two listeners use ${formatAddress(address)}; give each its own port`);
  }
}

/**
 * Reports each channel that can't be listened at beside an earlier one, because one of them is the unspecified address and
 * covers the other. Those that {@linkcode checkDistinctHosts} reports are left to it.
 */
export function checkCovered(channels: readonly Address[], problems: Problems): void {
  channels.forEach((channel, index) => {
    const other = channels.slice(0, index).find((earlier) =>
      channel.port !== 0 && !sameHost(connectedHost(earlier.host), connectedHost(channel.host)) &&
      (covers(earlier, channel) || covers(channel, earlier))
    );
    if (other === undefined) return;
    const [wide, narrow] = (covers(other, channel) ? [other, channel] : [channel, other]).map(formatAddress);
    problems.at(channel, `${wide} already covers ${narrow}; remove ${narrow} or change its port`);
  });
}

/** Reports each address with port 0: several workers could not agree on a port. */
export function checkFixedPorts(addresses: readonly Address[], problems: Problems): void {
  for (const address of addresses.filter(({ port }) => port === 0)) {
    problems.at(address, "port 0 needs a single worker; give a fixed port");
  }
}

/**
 * Reports each channel whose range of ports, one per worker starting at its own, exceeds 65535 or overlaps that of an
 * earlier channel at the same host.
 */
export function checkPortRanges(channels: readonly Address[], workers: number, problems: Problems): void {
  const highest = 65536 - workers;
  channels.forEach((channel, index) => {
    const { host, port } = channel;
    if (port > highest) {
      problems.at(channel, `${workers} workers need ${workers} ports from ${port}; give a port up to ${highest}`);
    }
    const other = channels.slice(0, index).find((earlier) =>
      sameHost(earlier.host, host) && earlier.port !== port && Math.abs(earlier.port - port) < workers
    );
    if (other === undefined || port === 0 || other.port === 0) return;
    problems.at(
      channel,
      `${workers} workers need ${workers} ports from ${port}, some of them used for ${formatAddress(other)}; ` +
        `give ports at least ${workers} apart`,
    );
  });
}

/** Returns the items with the same key as an earlier one. */
export function repeated<T>(items: readonly T[], key: (item: T) => string): T[] {
  const keys = new Set<string>();
  return items.filter((item) => {
    const isKnown = keys.has(key(item));
    keys.add(key(item));
    return isKnown;
  });
}

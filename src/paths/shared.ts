import { isLinkLocal } from "../net/ip.ts";
import type { ChannelPath } from "./path.ts";

/** Something that two channels or more go through: its owner has a share of each. */
export interface Shared {
  /** Its kind. A shared device or gateway makes one path of two; a hop may be one of many. */
  readonly kind: "device" | "gateway" | "hop";
  /** The device's name, or the address. */
  readonly name: string;
  /** Numbers of the channels, from 1. */
  readonly channels: readonly number[];
}

/** Finds what channels of one server share, devices first. A hop that is a shared gateway is not listed twice. */
export function sharedBy(channels: readonly ChannelPath[]): Shared[] {
  const devices = common("device", channels, ({ device }) => device === undefined ? [] : [device]);
  const gateways = common("gateway", channels, ({ gateway }) => {
    // A link-local address names another router on each link.
    return gateway === undefined || isLinkLocal(gateway) ? [] : [gateway];
  });
  const hops = common("hop", channels, ({ hops = [], host }) => hops.filter((hop) => hop !== null && hop !== host));
  const known = gateways.map(({ name }) => name);
  return [...devices, ...gateways, ...hops.filter(({ name }) => !known.includes(name))];
}

/** True for what makes one path of two channels. */
export function isOnePath({ kind }: Shared): boolean {
  return kind !== "hop";
}

function common(
  kind: Shared["kind"],
  channels: readonly ChannelPath[],
  namesOf: (channel: ChannelPath) => readonly (string | null)[],
): Shared[] {
  const users = new Map<string, number[]>();
  for (const channel of channels) {
    for (const name of new Set(namesOf(channel))) {
      if (name !== null) users.set(name, [...users.get(name) ?? [], channel.channel]);
    }
  }
  return [...users].filter(([, of]) => of.length > 1).map(([name, channels]) => ({ kind, name, channels }));
}

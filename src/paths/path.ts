import type { Hop } from "../net/linux/trace.ts";

/** The path of one channel, as far as this machine can tell; what it can't tell is absent. */
export interface ChannelPath {
  /** Its number, from 1. */
  readonly channel: number;
  /** Its address at the server handler, with its way if it has one, as it is configured. */
  readonly address: string;
  /** Its IP address there; empty for a name that does not resolve. */
  readonly host: string;
  /** Local address of its connections. */
  readonly local?: string;
  /** Device that they leave by. */
  readonly device?: string;
  /** The first router; absent where the destination is on the link, too. */
  readonly gateway?: string;
  /** Shortest time that connecting took, in milliseconds. */
  readonly roundTrip?: number;
  /** Longest UDP payload that fits a packet, in bytes. */
  readonly maxDatagram?: number;
  /** The reason why its packets may come to leave by another device; absent where routes keep them from it. */
  readonly strays?: string;
  /** Routers on the path, as far as they answer, and the destination if it does. */
  readonly hops?: readonly Hop[];
  /** The reason why no connection was possible. */
  readonly failure?: string;
}

import type { OpenerCounts } from "./opener.ts";

/** Counts of all links of a handler: sent, received, dropped. Best effort: nothing else tells of a loss. */
export class DatagramCounts implements OpenerCounts {
  /** Datagrams sent. */
  sent = 0;
  /** Bytes of their payloads. */
  sentBytes = 0;
  /** Datagrams received. */
  received = 0;
  /** Bytes of their payloads. */
  receivedBytes = 0;
  /** Datagrams and packets that do not fit a path's MTU, or that are longer than allowed. */
  tooLarge = 0;
  /** Packets for which no address of the other side is known yet. */
  noAddress = 0;
  /** Packets for which the system's buffers were full. */
  blocked = 0;
  /** Packets that could not be sent for another reason: no route, a firewall, a local address that is gone. */
  unsent = 0;
  /** Datagrams that waited, in too large a number or for too long, for their flow to be opened. */
  waiting = 0;
  /** Datagrams of a flow that is over, or was refused. */
  noFlow = 0;
  /** Packets that are malformed, for nobody here, or at another address than their channel's. */
  stray = 0;
  /** Datagrams to a SOCKS5 relay without a valid header. */
  malformed = 0;
  /** Fragments to a SOCKS5 relay, which does not join them. */
  fragment = 0;
  /** Datagrams to a SOCKS5 relay from elsewhere than its application. */
  stranger = 0;
  duplicate = 0;
  late = 0;
  incomplete = 0;
  forged = 0;
}

/** Fields that count what was carried. All others are reasons to drop something. */
const CARRIED: readonly string[] = [
  "sent",
  "sentBytes",
  "received",
  "receivedBytes",
] satisfies (keyof DatagramCounts)[];

/** Numbers of datagrams and packets that were dropped, by reason: `too-large` for the field `tooLarge`. */
export function droppedOf(counts: DatagramCounts): [reason: string, count: number][] {
  return Object.entries(counts).filter(([field]) => !CARRIED.includes(field)).map(([field, count]) => [
    field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    count,
  ]);
}

import { type DatagramBatch, SendOutcome } from "./datagram.ts";

/** Numbers of datagrams that could not be sent, by reason. */
export interface SendCounts {
  /** Those that do not fit the path's MTU. */
  tooLarge: number;
  /** Those for which the system's buffers were full. */
  blocked: number;
  /** Those with another reason: no route, a firewall, a local address that is gone. */
  unsent: number;
}

/** Counts those of the first `count` datagrams of a batch that were not sent. */
export function countUnsent({ outcomes }: DatagramBatch, count: number, counts: SendCounts): void {
  for (let index = 0; index < count; index++) {
    const outcome = outcomes[index];
    if (outcome === SendOutcome.TooLarge) counts.tooLarge++;
    else if (outcome === SendOutcome.Blocked) counts.blocked++;
    else if (outcome === SendOutcome.Failed) counts.unsent++;
  }
}

import { DatagramBatch, type DatagramSocket } from "../net/datagram.ts";
import { ENDPOINT_WORDS } from "../net/endpoint.ts";
import type { DatagramCounts } from "./counts.ts";
import type { HandleTable } from "./handles.ts";
import type { LinkChannel } from "./link.ts";
import { packetKind } from "./packet.ts";

/** Packets that arrive in one call at most. */
const RECEIVE_CAPACITY = 64;

/** Options of {@linkcode receivePackets}. */
export interface ReceiverOptions {
  /** Finds the link and channel of a packet. */
  readonly handles: HandleTable<LinkChannel>;
  /** Counts strays. */
  readonly counts: DatagramCounts;
  /** Longest packet that is taken, in bytes. */
  readonly size: number;
}

/**
 * Hands the packets that arrive at a socket to their links, and drops all others, without an answer.
 *
 * @returns Resolves when the socket is closed.
 */
export async function receivePackets(socket: DatagramSocket, options: ReceiverOptions): Promise<void> {
  const { handles, counts, size } = options;
  const batch = new DatagramBatch(RECEIVE_CAPACITY, size);
  for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
    for (let index = 0; index < count; index++) {
      if (batch.isCut(index)) {
        counts.tooLarge++;
        continue;
      }
      const packet = batch.bytes(index), kind = packetKind(packet);
      const end = kind === null ? undefined : handles.find(packet);
      if (end?.link.isAt(end.channel, socket, batch.locals, index * ENDPOINT_WORDS) !== true) counts.stray++;
      else end.link.receive(end.channel, kind!, packet, batch, index);
    }
  }
}

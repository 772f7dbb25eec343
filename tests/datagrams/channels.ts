/** Datagrams between a sealer and an opener, without sockets. */
import { Opened, Opener } from "../../src/datagrams/opener.ts";
import { PACKET_OVERHEAD } from "../../src/datagrams/packet.ts";
import { Sealer } from "../../src/datagrams/sealer.ts";
import { TagKey } from "../../src/datagrams/tag.ts";
import { DatagramBatch } from "../../src/net/datagram.ts";
import { ENDPOINT_WORDS } from "../../src/net/endpoint.ts";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { thresholdScheme } from "../../src/sharing/threshold.ts";
import { xor } from "../../src/sharing/xor.ts";

/** A packet of a datagram. */
export interface Sent {
  readonly channel: number;
  readonly packet: Uint8Array<ArrayBuffer>;
}

/** A datagram that was delivered. */
export interface Delivered {
  readonly sequence: number;
  readonly flow: number;
  readonly payload: string;
}

/** One direction over n channels. */
export class Channels {
  readonly sealer: Sealer;
  readonly opener: Opener;
  readonly delivered: Delivered[] = [];
  readonly #batches: DatagramBatch[];

  /** @param threshold Default: XOR, n of n. */
  constructor(channels: number, pads: PadSource, { threshold = channels, maxPayload = 100, capacity = 8 } = {}) {
    const key = new TagKey(Uint8Array.from({ length: 16 }, (_, index) => 7 * index + 1));
    const scheme = threshold === channels ? xor : thresholdScheme(threshold);
    const handles = Array.from({ length: channels }, (_, index) => new Uint8Array(8).fill(index));
    this.sealer = new Sealer({ key, scheme, pads, handles, maxPayload, capacity });
    this.opener = new Opener({ key, scheme, channels, threshold, maxPayload });
    this.#batches = handles.map(() => new DatagramBatch(capacity, maxPayload + PACKET_OVERHEAD));
  }

  /** Seals datagrams. @returns Each one's packets, in the channels' order. */
  seal(datagrams: readonly { readonly flow: number; readonly payload: Uint8Array }[]): Sent[][] {
    const packets: Sent[][] = [];
    const flush = () => {
      const count = this.sealer.flush(this.#batches);
      for (let index = 0; index < count; index++) {
        packets.push(this.#batches.map((batch, channel) => ({ channel, packet: batch.bytes(index).slice() })));
      }
    };
    for (const { flow, payload } of datagrams) {
      if (this.sealer.isFull) flush();
      this.sealer.add(flow, payload);
    }
    flush();
    return packets;
  }

  /** Opens a packet, and notes what it delivers. */
  open({ channel, packet }: Sent, now = 0, source: Uint32Array = NOWHERE): Opened {
    const { opener } = this, result = opener.open(channel, packet, source, 0, now);
    if (result === Opened.Datagram) {
      const { sequence, flow, payload } = opener;
      this.delivered.push({ sequence, flow, payload: payload.toHex() });
    }
    return result;
  }
}

const NOWHERE = new Uint32Array(ENDPOINT_WORDS);

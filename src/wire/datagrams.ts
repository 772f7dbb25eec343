import { MAX_CHANNELS, MIN_CHANNELS } from "./associate.ts";
import { concat } from "./concat.ts";
import { WireError } from "./decoder.ts";

/** Length in bytes of a handle: it tells a receiver whose packet that is, and of which channel. */
export const PACKET_HANDLE_LENGTH = 8;

/** Length in bytes of the key of one direction's tags. */
export const DATAGRAM_KEY_LENGTH = 16;

/** Bounds of the length of a DATAGRAMS frame's body, in bytes. */
export const MIN_DATAGRAMS_BODY: number = DATAGRAM_KEY_LENGTH + MIN_CHANNELS * PACKET_HANDLE_LENGTH;
/** See {@linkcode MIN_DATAGRAMS_BODY}. */
export const MAX_DATAGRAMS_BODY: number = DATAGRAM_KEY_LENGTH + MAX_CHANNELS * PACKET_HANDLE_LENGTH;

/** Body of a DATAGRAMS frame: what one side hands out, so that datagrams can be sent (docs/PROTOCOL.md, appendix A). */
export interface DatagramMeans {
  /** Key of the tags of the datagrams that the sender of the frame sends: {@linkcode DATAGRAM_KEY_LENGTH} random bytes. */
  readonly key: Uint8Array;
  /** A handle for each channel, in their order, for packets to the sender of the frame. */
  readonly handles: readonly Uint8Array[];
}

/** Demands a handle for each channel. @throws {WireError} If there are more or fewer. */
export function requireHandles({ handles: { length } }: DatagramMeans, channels: number): void {
  if (length !== channels) throw new WireError(`DATAGRAMS for ${length} of ${channels} channels`);
}

/** Encodes a DATAGRAMS frame's body. */
export function encodeDatagrams({ key, handles }: DatagramMeans): Uint8Array {
  return concat([key, ...handles]);
}

/**
 * Decodes a DATAGRAMS frame's body; copies.
 *
 * @throws {WireError} If it is no whole number of handles, or there are too few or too many for an association.
 */
export function decodeDatagrams(body: Uint8Array): DatagramMeans {
  const count = (body.length - DATAGRAM_KEY_LENGTH) / PACKET_HANDLE_LENGTH;
  if (!Number.isInteger(count) || count < MIN_CHANNELS || count > MAX_CHANNELS) {
    throw new WireError(`DATAGRAMS of ${body.length} bytes`);
  }
  const handles = Array.from({ length: count }, (_, index) => {
    const start = DATAGRAM_KEY_LENGTH + index * PACKET_HANDLE_LENGTH;
    return body.slice(start, start + PACKET_HANDLE_LENGTH);
  });
  return { key: body.slice(0, DATAGRAM_KEY_LENGTH), handles };
}

import { readPackets } from "./capture.ts";

/** A captured UDP datagram. */
export interface CapturedDatagram {
  /** The sender's port. */
  readonly from: number;
  /** The receiver's port. */
  readonly to: number;
  /** The payload. */
  readonly bytes: Uint8Array;
}

const ETHERTYPE_IPV4 = 0x0800, PROTOCOL_UDP = 17, ETHERNET_HEADER = 14, UDP_HEADER = 8;

/**
 * Reads the UDP datagrams over IPv4 of a capture, in the order in which the device carried them.
 *
 * @param pcap See {@linkcode readPackets}; of a device that puts none together (without UDP_SEGMENT).
 */
export function readDatagrams(pcap: Uint8Array): CapturedDatagram[] {
  return [...readPackets(pcap)].flatMap((packet) => {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength), ip = ETHERNET_HEADER;
    if (view.getUint16(12) !== ETHERTYPE_IPV4 || packet[ip + 9] !== PROTOCOL_UDP) return [];
    const udp = ip + 4 * (packet[ip]! & 15), length = view.getUint16(udp + 4);
    const bytes = packet.subarray(udp + UDP_HEADER, udp + length);
    return [{ from: view.getUint16(udp), to: view.getUint16(udp + 2), bytes }];
  });
}

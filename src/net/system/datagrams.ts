import type { Address } from "../address.ts";
import type { DatagramNetwork, DatagramOptions, DatagramSocket } from "../datagram.ts";
import { hasNativeHelper } from "../linux/libc.ts";
import { UdpSocket } from "../linux/udp_socket.ts";
import { PlainUdpSocket } from "./plain_udp_socket.ts";

/** The system's UDP: of Linux where the C library may be called, otherwise Deno's, which can less. */
export const systemDatagrams: DatagramNetwork = {
  bind: (at: Address, options?: DatagramOptions): DatagramSocket =>
    hasNativeHelper().ok ? new UdpSocket(at, options) : new PlainUdpSocket(at, options),
};

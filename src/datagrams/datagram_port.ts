import type { Address } from "../net/address.ts";
import type { DatagramSocket } from "../net/datagram.ts";
import type { Endpoint } from "../net/endpoint.ts";

/** This side's end of a channel. */
export interface DatagramPort {
  /** The socket; its owner closes it. */
  readonly socket: DatagramSocket;
  /** Address that the channel's packets leave from and arrive at. */
  readonly local: Endpoint;
  /** Address of the other side, as far as it is known: to look up the path's MTU. */
  readonly peer: Address;
}

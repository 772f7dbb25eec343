import type { Address } from "../../net/address.ts";

/** The application's side of a flow of datagrams: made by a way in. */
export interface FlowOrigin {
  /** Name of the way in, for log lines. */
  readonly ingress: string;
  /** The application's address. */
  readonly source: Address;
  /** Requested destination; its host is a server's name, or as from `destinationHost`. */
  readonly destination: Address;
  /** The authenticated user, if the way in requires authentication. */
  readonly user?: string;
  /**
   * Sends a datagram to the application.
   *
   * @param payload Valid during the call, and the receiver's to change.
   * @param trafficClass DSCP and ECN.
   */
  answer(payload: Uint8Array<ArrayBuffer>, trafficClass: number): void;
  /** Called once, in a later turn than the flow's beginning, when the flow is over: the next datagram needs another one. */
  ended(): void;
}

/** A flow that is open, or about to be. */
export interface Flow {
  /** Sends a datagram; drops and counts it where it can't be sent. @param payload Copied. */
  send(payload: Uint8Array, trafficClass: number): void;
  /** Ends the flow. */
  close(): void;
}

/** Carries flows. */
export interface FlowOpener {
  /** Begins a flow; its datagrams wait until it is open, as far as there is room. */
  open(origin: FlowOrigin): Flow;
  /** Reports a datagram that its way in has dropped and counted, as it is longer than `room` bytes. */
  cut(origin: Pick<FlowOrigin, "ingress" | "source">, room: number): void;
}

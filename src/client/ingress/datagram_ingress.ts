import type { ClientConfig } from "../../config/types.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import type { DatagramNetwork } from "../../net/datagram.ts";
import { bindShared } from "../../net/listen/bind.ts";
import { type DatagramWayOptions, UdpForward } from "./udp_forward.ts";

/** Ways in for datagrams, as configured. */
export type DatagramIngressConfig = Pick<ClientConfig, "udpForwards">;

/** Options of {@linkcode DatagramIngress}. */
export interface DatagramIngressOptions extends DatagramWayOptions {
  /** Makes the sockets. */
  readonly network: DatagramNetwork;
  /** False if another worker, or a process that is about to end, may have its sockets there. */
  readonly exclusive: boolean;
}

/** The ways in for datagrams of a client handler. */
export class DatagramIngress {
  readonly #config: DatagramIngressConfig;
  readonly #forwards: readonly UdpForward[];

  /**
   * Starts to listen.
   *
   * @throws {StartError} If it can't listen at an address; leaves nothing open.
   */
  constructor(config: DatagramIngressConfig, options: DatagramIngressOptions) {
    const { network, exclusive } = options, { udpForwards } = this.#config = config;
    const sockets = bindShared(network, udpForwards.map(({ listen }) => listen), exclusive);
    this.#forwards = udpForwards.map((forward, index) => new UdpForward(forward, sockets[index]!, options));
    for (const forward of this.#forwards) void forward.run();
  }

  /** Addresses of the forwards, in the configuration's order. */
  get forwards(): readonly Address[] {
    return this.#forwards.map(({ address }) => address);
  }

  /** Names of the settings that differ, which take effect only after a restart. */
  changes({ udpForwards }: DatagramIngressConfig): string[] {
    const text = (forwards: DatagramIngressConfig["udpForwards"]) =>
      forwards.map(({ listen, server, port }) => `${formatAddress(listen)}=${server}:${port}`).sort().join();
    return text(udpForwards) === text(this.#config.udpForwards) ? [] : ["udp-forward"];
  }

  /** Stops listening. */
  close(): void {
    for (const forward of this.#forwards) forward.close();
  }
}

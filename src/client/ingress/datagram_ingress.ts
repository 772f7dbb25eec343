import type { ClientConfig } from "../../config/types.ts";
import type { Log } from "../../log/log.ts";
import { ThrottledWarning } from "../../log/throttled.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import type { DatagramNetwork } from "../../net/datagram.ts";
import { bindShared } from "../../net/listen/bind.ts";
import type { Clock } from "../../time/clock.ts";
import { type DatagramWayOptions, UdpForward } from "./udp_forward.ts";
import { UdpTproxy, type UdpTproxyOptions } from "./udp_tproxy.ts";

/** Ways in for datagrams, as configured. */
export type DatagramIngressConfig = Pick<ClientConfig, "udpForwards" | "udpTproxies">;

/** Options of {@linkcode DatagramIngress}. */
export interface DatagramIngressOptions extends DatagramWayOptions, Omit<UdpTproxyOptions, "refused"> {
  /** Makes the sockets. */
  readonly network: DatagramNetwork;
  /** Gets a line for applications that can't be answered. */
  readonly log: Log;
  /** Measures intervals of lines. */
  readonly clock: Clock;
  /** False if another worker, or a process that is about to end, may have its sockets there. */
  readonly exclusive: boolean;
}

/** The ways in for datagrams of a client handler. */
export class DatagramIngress {
  readonly #config: DatagramIngressConfig;
  readonly #forwards: readonly UdpForward[];
  readonly #tproxies: readonly UdpTproxy[];

  /**
   * Starts to listen.
   *
   * @throws {StartError} If it can't listen at an address; leaves nothing open.
   */
  constructor(config: DatagramIngressConfig, options: DatagramIngressOptions) {
    const { network, exclusive, log, clock } = options, { udpForwards, udpTproxies } = this.#config = config;
    const sockets = bindShared(network, udpForwards.map(({ listen }) => listen), exclusive);
    try {
      const listeners = bindShared(network, udpTproxies, exclusive, { transparent: "listener" });
      const refused = new ThrottledWarning(log, clock, "datagrams refused");
      this.#tproxies = listeners.map((listener) => new UdpTproxy(listener, { ...options, refused }));
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
    this.#forwards = udpForwards.map((forward, index) => new UdpForward(forward, sockets[index]!, options));
    for (const way of [...this.#forwards, ...this.#tproxies]) void way.run();
  }

  /** Addresses of the forwards, in the configuration's order. */
  get forwards(): readonly Address[] {
    return this.#forwards.map(({ address }) => address);
  }

  /** Addresses where rules hand datagrams over, likewise. */
  get tproxies(): readonly Address[] {
    return this.#tproxies.map(({ address }) => address);
  }

  /** Names of the settings that differ, which take effect only after a restart. */
  changes({ udpForwards, udpTproxies }: DatagramIngressConfig): string[] {
    const forwards = (all: DatagramIngressConfig["udpForwards"]) =>
      all.map(({ listen, server, port }) => `${formatAddress(listen)}=${server}:${port}`).sort().join();
    const tproxies = (all: readonly Address[]) => all.map(formatAddress).sort().join();
    return [
      ...forwards(udpForwards) === forwards(this.#config.udpForwards) ? [] : ["udp-forward"],
      ...tproxies(udpTproxies) === tproxies(this.#config.udpTproxies) ? [] : ["udp-tproxy"],
    ];
  }

  /** Stops listening. */
  close(): void {
    for (const way of [...this.#forwards, ...this.#tproxies]) way.close();
  }
}

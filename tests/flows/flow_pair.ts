/** Both handlers in memory with a way in for datagrams, and programs that send and receive them. */
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { Connection } from "../../src/net/connection.ts";
import { DatagramBatch, type DatagramSocket } from "../../src/net/datagram.ts";
import { endpointOf } from "../../src/net/endpoint.ts";
import type { Address } from "../../src/net/address.ts";
import { Handlers, type Secrets } from "../support/handlers/handlers_in_memory.ts";
import type { MemoryNetworkOptions } from "../support/network/memory_network.ts";
import { settle } from "../support/time/fake_clock.ts";

/** The client handler's forward of datagrams to port 53 of the server named "web". */
export const UDP_FORWARD: Address = { host: "127.0.0.1", port: 5353 };

/** The server handler's target for port 53. */
export const UDP_TARGET: Address = { host: "127.0.0.2", port: 5300 };

const UDP_TARGETS = `udp-targets: {53: "${UDP_TARGET.host}:${UDP_TARGET.port}"}`;

/** A program with a UDP socket. */
export class DatagramProgram {
  readonly socket: DatagramSocket;
  /** Datagrams that have arrived, oldest first. */
  readonly got: { readonly text: string; readonly from: Address; readonly trafficClass: number }[] = [];
  readonly #out = new DatagramBatch(1, 65_507);

  /** Binds a socket. @param answer Makes an answer to each datagram that arrives; null for none. */
  constructor(
    handlers: Pick<Handlers, "datagrams">,
    at: Address,
    answer: (text: string) => string | null = () => null,
  ) {
    this.socket = handlers.datagrams.bind(at);
    void this.#receive(answer);
  }

  /** The text of each datagram that has arrived. */
  get texts(): string[] {
    return this.got.map(({ text }) => text);
  }

  /** Sends a datagram. */
  send(text: string, to: Address, trafficClass = 0): void {
    const bytes = new TextEncoder().encode(text);
    this.#out.slot(0).set(bytes);
    this.#out.lengths[0] = bytes.length;
    this.#out.classes[0] = trafficClass;
    this.#out.remotes.set(endpointOf(to));
    this.socket.send(this.#out, 1);
  }

  async #receive(answer: (text: string) => string | null): Promise<void> {
    const batch = new DatagramBatch(16, 65_507);
    for (let count = await this.socket.receive(batch); count > 0; count = await this.socket.receive(batch)) {
      for (let index = 0; index < count; index++) {
        const text = new TextDecoder().decode(batch.bytes(index)), from = batch.remote(index);
        this.got.push({ text, from, trafficClass: batch.classes[index]! });
        const reply = answer(text);
        if (reply !== null) this.send(reply, from, batch.classes[index]!);
      }
    }
  }
}

/** Both handlers, with a target that answers each datagram with `re: ` and the same. */
export class FlowPair {
  readonly handlers: Handlers;
  readonly target: DatagramProgram;
  readonly #programs: DatagramProgram[] = [];

  /**
   * @param yaml Further settings of the handlers.
   * @param options Whether the server begins with a UDP target; of the network of channels. Default: it does, and none.
   */
  constructor(
    yaml: { server?: string; client?: string; channels?: number } = {},
    secrets: Secrets = {},
    { udpTargets = true, network = {} }: { udpTargets?: boolean; network?: MemoryNetworkOptions } = {},
  ) {
    this.handlers = new Handlers(network, {
      ...yaml,
      server: `${udpTargets ? UDP_TARGETS : ""}\n${yaml.server ?? ""}`,
      client: `udp-forward: ["127.0.0.1:5353=web:53", "127.0.0.1:5354=web:54"]\n${yaml.client ?? ""}`,
    }, secrets);
    this.target = new DatagramProgram(this.handlers, UDP_TARGET, (text) => `re: ${text}`);
    this.#programs.push(this.target);
  }

  /** An application with a socket of its own. */
  application(host = "127.0.0.1"): DatagramProgram {
    const program = new DatagramProgram(this.handlers, { host, port: 0 });
    this.#programs.push(program);
    return program;
  }

  /** Gives the server its UDP target, in place of all settings that it began with beside its channels. */
  reloadServer(): void {
    const config = parseConfig("", serverSpec, ["--config", "s"], () => `
channels: [192.0.2.1, 192.0.2.2, 192.0.2.3]
${UDP_TARGETS}`);
    this.handlers.server.reload({ config });
  }

  /** Lets all that is on its way arrive, with what that makes others send. */
  async flow(): Promise<void> {
    for (let times = 0; times < 12; times++) {
      this.handlers.datagrams.flush();
      await settle();
    }
  }

  /** Closes all, and what is held, and checks that nothing is left. */
  async close(...held: Connection[]): Promise<void> {
    for (const { socket } of this.#programs) socket.close();
    const closed = this.handlers.close(...held);
    await this.handlers.clock.until(closed);
  }
}

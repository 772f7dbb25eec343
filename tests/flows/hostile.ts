/** Sides of an association played by hand, against real handlers: frames in sealed records, and packets of datagrams. */
import { ClientHandler } from "../../src/client/handler.ts";
import { clientSpec } from "../../src/config/client.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { Association } from "../../src/association/association.ts";
import { initiate } from "../../src/association/initiate.ts";
import { DatagramCounts } from "../../src/datagrams/counts.ts";
import { HandleTable } from "../../src/datagrams/handles.ts";
import { DatagramLink, type LinkChannel } from "../../src/datagrams/link.ts";
import { receivePackets } from "../../src/datagrams/receiver.ts";
import { createLog } from "../../src/log/log.ts";
import type { DatagramSocket } from "../../src/net/datagram.ts";
import { endpointOf } from "../../src/net/endpoint.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import type { Open } from "../../src/wire/open.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import type { Handlers, Line } from "../support/handlers/handlers_in_memory.ts";
import { Accepting, channelAddresses } from "../support/handlers/pair.ts";
import { MemoryDatagrams } from "../support/network/memory_datagrams.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import "../support/system/native.ts";

/** The server's addresses. */
const ADDRESSES = channelAddresses(3);

/** OPEN of a flow. */
export const flowOpen = (flow: number, port = 53): Open => ({ destination: { kind: "datagrams", port, flow } });

/** Names of the types of a stream's frames that a peer has heard. */
export function typesOf({ heard }: FramePeer, stream: number): string[] {
  return heard.filter((frame) => "stream" in frame && frame.stream === stream).map(({ type }) => FrameType[type]!);
}

/** Lets frames and datagrams arrive, with what they cause. */
export async function flowing(datagrams: MemoryDatagrams): Promise<void> {
  for (let round = 0; round < 12; round++) {
    datagrams.flush();
    await settle();
  }
}

/** A client handler's side of an association, played by hand. */
export class HostileClient {
  readonly peer: FramePeer;
  readonly counts = new DatagramCounts();
  readonly link: DatagramLink;
  readonly sockets: readonly DatagramSocket[];

  private constructor(readonly association: Association, { datagrams, clock }: Handlers) {
    this.peer = new FramePeer(association);
    const handles = new HandleTable<LinkChannel>(systemPads);
    this.sockets = ADDRESSES.map((_, index) => datagrams.bind({ host: `198.51.${index}.66`, port: 0 }));
    const ports = this.sockets.map((socket, index) => {
      return { socket, local: endpointOf(socket.address), peer: ADDRESSES[index]! };
    });
    const { counts } = this, { scheme, threshold } = association;
    this.link = new DatagramLink({
      ...{ ports, clock, handles, counts, scheme, threshold },
      remotes: ADDRESSES.map((address) => endpointOf(address)),
      pads: systemPads,
      forged: () => {},
      failed: (error) => association.fail(error),
    });
    for (const socket of this.sockets) void receivePackets(socket, { handles, counts, size: 9000 });
  }

  /** Associates with the server of handlers. */
  static async meet(handlers: Handlers): Promise<HostileClient> {
    const { network, clock } = handlers;
    return new HostileClient(await initiate(ADDRESSES, { network, clock }), handlers);
  }

  /** DATAGRAMS. */
  get datagrams(): Uint8Array {
    return encode.datagrams(this.link.means);
  }

  /** The codes of all RESULTs heard so far, by stream. Takes the server's DATAGRAMS. */
  results(): Map<number, number> {
    const results = new Map<number, number>();
    for (const frame of this.peer.heard) {
      if (frame.type === FrameType.Result) results.set(frame.stream, frame.code);
      if (frame.type === FrameType.Datagrams && !this.link.isUsable) this.link.accept(frame.means);
    }
    return results;
  }

  /** Sends a datagram of a flow. */
  send(flow: number, text: string): boolean {
    return this.link.send(flow, new TextEncoder().encode(text), 0);
  }

  /** Ends all. */
  end(): void {
    this.association.end();
    this.link.close();
    for (const socket of this.sockets) socket.close();
  }
}

/** A client handler with a forward of datagrams to port 53, and a server handler's side that is played by hand. */
export class HostileServer {
  readonly network = new MemoryNetwork();
  readonly datagrams = new MemoryDatagrams();
  readonly clock = new FakeClock();
  readonly lines: Line[] = [];
  readonly client: ClientHandler;
  readonly #accepting: Accepting;
  peer!: FramePeer;
  association!: Association;

  constructor(yaml = "") {
    const { network, clock, datagrams } = this;
    this.#accepting = new Accepting(network, ADDRESSES, { clock });
    const config = parseConfig("", clientSpec, ["--config", "c"], () => `
servers: {web: {channels: [${ADDRESSES.map(({ host }) => host)}]}}
udp-forward: ["127.0.0.1:5353=web:53"]
forward: ["127.0.0.1:8080=web:80"]
warm: 0
${yaml}`);
    this.client = new ClientHandler(config, {
      log: createLog({ level: "debug", format: "json", write: (line) => this.lines.push(JSON.parse(line)) }),
      system: { network, clock, originalDestination: () => undefined, makeTransparent: () => {} },
      datagrams,
    });
  }

  /** Takes the first association. */
  async meet(): Promise<void> {
    this.association = await this.#accepting.first();
    this.peer = new FramePeer(this.association);
  }

  /** Why associations have failed. */
  get failures(): unknown[] {
    return this.lines.filter(({ event }) => event === "association failed").map(({ reason }) => reason);
  }

  /** Ends all. @returns What is left open: ends of connections, sockets and timers. */
  async close(): Promise<number[]> {
    this.association.end();
    await this.#accepting.close();
    await this.clock.until(this.client.close());
    await this.clock.advance(10_000);
    return [this.network.openEnds, this.datagrams.openSockets, this.clock.pending];
  }
}

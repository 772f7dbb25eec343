/** All parts together over UDP in memory: handles, sealing, opening and return addresses, as two handlers would use them. */
import { assert, assertEquals } from "@std/assert";
import { HandleTable } from "../../src/datagrams/handles.ts";
import { Opened, Opener } from "../../src/datagrams/opener.ts";
import { encodePath, PACKET_HEAD_LENGTH, PacketKind, packetKind } from "../../src/datagrams/packet.ts";
import { ReturnAddresses } from "../../src/datagrams/return_address.ts";
import { Sealer } from "../../src/datagrams/sealer.ts";
import { TagKey } from "../../src/datagrams/tag.ts";
import { DatagramBatch, type DatagramSocket } from "../../src/net/datagram.ts";
import { type Endpoint, ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { xor } from "../../src/sharing/xor.ts";
import { MemoryDatagrams } from "../support/network/memory_datagrams.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

const CHANNELS = 3, BATCH = 16, MAX_PAYLOAD = 100, PORT = 6522;

const random = new Random(5);

/** One side: its sockets by channel, the handles that it gave out, and what it has got. */
class Side {
  readonly sockets: DatagramSocket[];
  readonly handles = new HandleTable<number>(random.fill);
  readonly given: Uint8Array[];
  readonly got: string[] = [];
  /** Packets that were for no handle, or malformed. */
  strays = 0;
  now = 0;
  readonly #opener: Opener;
  readonly addresses = new ReturnAddresses(CHANNELS, random.fill);
  #sealer!: Sealer;
  #peer!: Side;
  readonly #key = random.bytes(16);
  readonly #out = Array.from({ length: CHANNELS }, () => new DatagramBatch(BATCH, MAX_PAYLOAD + 32));

  constructor(network: MemoryDatagrams, hosts: readonly string[], port: number, key: Uint8Array) {
    this.sockets = hosts.map((host) => network.bind({ host, port }));
    this.given = hosts.map((_, channel) => this.handles.add(channel));
    const options = { scheme: xor, channels: CHANNELS, threshold: CHANNELS, maxPayload: MAX_PAYLOAD };
    this.#opener = new Opener({ key: new TagKey(key), ...options });
  }

  get key(): Uint8Array {
    return this.#key;
  }

  /** Takes the other side's handles and this direction's key, as an association would hand them over. */
  know(peer: Side, key: Uint8Array): void {
    this.#peer = peer;
    const options = { scheme: xor, pads: random.fill, maxPayload: MAX_PAYLOAD, capacity: BATCH };
    this.#sealer = new Sealer({ key: new TagKey(key), handles: peer.given, ...options });
  }

  /** Sends datagrams to an address for each channel, or to the return addresses. */
  send(texts: readonly string[], to?: readonly Endpoint[]): void {
    for (const text of texts) this.#sealer.add(1, new TextEncoder().encode(text));
    const count = this.#sealer.flush(this.#out);
    for (const [channel, batch] of this.#out.entries()) {
      let sent = 0;
      for (let index = 0; index < count; index++) {
        const endpoint = to?.[channel] ?? this.addresses.of(channel).target(batch.lengths[index]!, this.now);
        if (endpoint === null) continue;
        batch.offsets[sent] = batch.offsets[index]!;
        batch.lengths[sent] = batch.lengths[index]!;
        batch.remotes.set(endpoint, sent++ * ENDPOINT_WORDS);
      }
      this.sockets[channel]!.send(batch, sent);
    }
  }

  /** Sends the challenges that are due. */
  challenge(): void {
    for (const [channel, socket] of this.sockets.entries()) {
      const challenge = this.addresses.of(channel).challenge(this.now);
      if (challenge !== null) this.#path(socket, channel, PacketKind.Challenge, challenge.token, challenge.to);
    }
  }

  #path(
    socket: DatagramSocket,
    channel: number,
    kind: PacketKind.Challenge | PacketKind.Response,
    token: Uint8Array,
    to: Uint32Array,
  ): void {
    const packet = encodePath(this.#peer.given[channel]!, kind, token), batch = new DatagramBatch(1, packet.length);
    batch.slot(0).set(packet);
    batch.lengths[0] = packet.length;
    batch.remotes.set(to);
    socket.send(batch, 1);
  }

  /** Takes all that arrives at a socket until it is closed. */
  async take(socket: DatagramSocket, ownChannel: number): Promise<void> {
    const batch = new DatagramBatch(BATCH, MAX_PAYLOAD + 32);
    for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
      for (let index = 0; index < count; index++) {
        const packet = batch.bytes(index), kind = packetKind(packet), at = index * ENDPOINT_WORDS;
        const channel = kind === null ? undefined : this.handles.find(packet);
        if (channel !== ownChannel) this.strays++;
        else if (kind === PacketKind.Share) this.#open(channel, packet, batch.remotes, at);
        else {
          const token = packet.slice(PACKET_HEAD_LENGTH + 1), from = batch.remotes.slice(at, at + ENDPOINT_WORDS);
          if (kind === PacketKind.Challenge) this.#path(socket, channel, PacketKind.Response, token, from);
          else this.addresses.of(channel).answered(from, 0, token);
        }
      }
    }
  }

  #open(channel: number, packet: Uint8Array, remotes: Uint32Array, at: number): void {
    const opener = this.#opener;
    if (opener.open(channel, packet, remotes, at, this.now) !== Opened.Datagram) return;
    this.got.push(new TextDecoder().decode(opener.payload));
    for (const used of opener.used.subarray(0, opener.usedCount)) {
      this.addresses.verified(used, opener.sources, used * ENDPOINT_WORDS, packet.length, this.now);
    }
  }
}

const SERVER = [1, 2, 3].map((network) => `192.0.${network}.10`);

const CLIENT = [1, 2, 3].map((network) => `198.51.${network}.20`);

interface Pair {
  readonly network: MemoryDatagrams;
  readonly client: Side;
  readonly server: Side;
  /** The server's addresses. */
  readonly to: Endpoint[];
  /** Delivers all that is on its way, and what that makes either side send. */
  flow(): Promise<void>;
}

async function withPair(network: MemoryDatagrams, body: (pair: Pair) => Promise<void>): Promise<void> {
  const up = random.bytes(16), down = random.bytes(16);
  const client = new Side(network, CLIENT, 0, down), server = new Side(network, SERVER, PORT, up);
  client.know(server, up);
  server.know(client, down);
  const taking = [client, server].flatMap((side) => side.sockets.map((socket, channel) => side.take(socket, channel)));
  const flow = async (): Promise<void> => {
    for (let times = 0; times < 4; times++) {
      network.flush();
      await settle();
    }
  };
  await body({ network, client, server, flow, to: SERVER.map((host) => endpointOf({ host, port: PORT })) });
  for (const socket of [...client.sockets, ...server.sockets]) socket.close();
  await Promise.all(taking);
  assertEquals(network.openSockets, 0);
}

Deno.test("datagrams go both ways, answers to where questions came from, once that has answered", async () => {
  await withPair(new MemoryDatagrams(), async ({ client, server, to, flow }) => {
    server.send(["not known where to"]);
    client.send(["one", "two"], to);
    await flow();
    assertEquals(server.got, ["one", "two"]);
    server.challenge();
    await flow();
    const confirmed = CLIENT.map((_, channel) => server.addresses.of(channel).confirmed);
    assertEquals(confirmed, client.sockets.map(({ address }) => endpointOf(address)));
    server.send(Array.from({ length: BATCH }, (_, index) => `answer ${index}`));
    await flow();
    assertEquals(client.got, Array.from({ length: BATCH }, (_, index) => `answer ${index}`));
    assertEquals([client.strays, server.strays], [0, 0]);
  });
});

Deno.test("with loss, duplication and another order, what arrives was sent, and once", async () => {
  const network = new MemoryDatagrams({ seed: 3, loss: 0.05, duplication: 0.1, reordering: 20 });
  await withPair(network, async ({ client, server, to, flow }) => {
    const sent = Array.from({ length: 600 }, (_, index) => `datagram ${index}`);
    for (let at = 0; at < sent.length; at += BATCH) client.send(sent.slice(at, at + BATCH), to);
    await flow();
    assert(server.got.length > 400, `${server.got.length} of 600`);
    assertEquals(new Set(server.got).size, server.got.length);
    assertEquals(server.got.filter((text) => !sent.includes(text)), []);
    assert(server.got.join() !== server.got.toSorted().join());
  });
});

Deno.test("packets without a handle, of another channel, or malformed are not answered", async () => {
  await withPair(new MemoryDatagrams(), async ({ network, client, server, to, flow }) => {
    let answers = 0;
    network.pass = (packet) => {
      if (packet.from[4] === PORT) answers++;
      return [packet];
    };
    const stranger = network.bind({ host: "203.0.113.9", port: 0 }), batch = new DatagramBatch(4, 200);
    const packets = [random.bytes(132), random.bytes(7), new Uint8Array(0)];
    // The handle of the second channel, at the first one's address.
    packets.push(Uint8Array.from([...server.given[1]!, ...random.bytes(100)]));
    for (const [index, packet] of packets.entries()) {
      batch.slot(index).set(packet);
      batch.lengths[index] = packet.length;
      batch.remotes.set(to[0]!, index * ENDPOINT_WORDS);
    }
    stranger.send(batch, packets.length);
    await flow();
    server.challenge();
    await flow();
    assertEquals([server.strays, answers, server.got], [4, 0, []]);
    client.send(["a client"], to);
    await flow();
    assertEquals(server.got, ["a client"]);
    stranger.close();
  });
});

Deno.test("an adversary that sends a channel's packets on from a victim's address gets that one three times its bytes", async () => {
  await withPair(new MemoryDatagrams(), async ({ network, client, server, to, flow }) => {
    client.send(["hello"], to);
    await flow();
    server.challenge();
    await flow();
    const victim = endpointOf({ host: "203.0.113.66", port: 53 });
    let fromVictim = 0, toVictim = 0, attacks = true;
    network.pass = (packet) => {
      if (packet.to[3] === victim[3] && packet.to[4] === victim[4]) toVictim += packet.bytes.length;
      if (!attacks || packet.from[4] === PORT || packet.to[3] !== to[0]![3]) return [packet];
      fromVictim += packet.bytes.length;
      return [{ ...packet, from: victim }];
    };
    client.send(["through the adversary"], to);
    await flow();
    for (let times = 0; times < 50; times++) {
      server.now += 100;
      server.challenge();
      server.send(
        Array.from({ length: BATCH }, () => "a long answer, which the client gets whatever the adversary does"),
      );
      await flow();
    }
    assert(toVictim > 0 && toVictim <= 3 * fromVictim, `${toVictim} bytes for ${fromVictim}`);
    // All but the few whose share went to the victim have arrived.
    assert(client.got.length >= 50 * BATCH - 3, `${client.got.length}`);
    attacks = false;
    client.send(["directly"], to);
    await flow();
    assertEquals(server.addresses.of(0).candidate, null);
    assertEquals(server.got.at(-1), "directly");
  });
});

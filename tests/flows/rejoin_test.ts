/** Channels that break, lag, lie and come late while datagrams flow: both sides keep the flow, and its socket to the target. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { addressAt } from "../../src/net/endpoint.ts";
import { Interposer } from "../support/network/interposer.ts";
import type { Packet } from "../support/network/memory_datagrams.ts";
import type { Interposed } from "../support/network/memory_network.ts";
import { type DatagramProgram, FlowPair, UDP_FORWARD } from "./flow_pair.ts";

const TWO = { server: "threshold: 2", client: "threshold: 2" };

/** The channel of a packet between the handlers, from 1; null for any other. */
function channelOf({ from, to }: Packet): number | null {
  const server = [from, to].map((one) => addressAt(one)).find(({ port }) => port === 6522);
  return server === undefined ? null : Number(server.host.split(".")[3]);
}

/** A pair with an application whose datagrams are counted. */
class Talk {
  readonly pair: FlowPair;
  readonly application: DatagramProgram;
  /** Takes a connection's path. */
  readonly paths = new Map<number, Interposer>();
  #said = 0;

  constructor(yaml = {}, interposer = (path: Interposed, _channel: number) => new Interposer(path)) {
    this.pair = new FlowPair(yaml, {}, {
      network: {
        interposes: ({ port }) => port === 6522,
        interpose: (path, { host }) => {
          const channel = Number(host.at(-1));
          this.paths.set(channel, interposer(path, channel));
        },
      },
    });
    this.application = this.pair.application();
  }

  /** The client's association. */
  get association() {
    return this.pair.handlers.client.activity.associations.keys().next().value!;
  }

  /** Sends some datagrams. @returns The texts of those that arrived, and of those that were answered. */
  async say(count = 3): Promise<{ there: number; back: number }> {
    const { pair, application } = this, before = [pair.target.got.length, application.got.length] as const;
    for (let datagram = 0; datagram < count; datagram++) application.send(`text ${this.#said++}`, UDP_FORWARD);
    await pair.flow();
    return { there: pair.target.got.length - before[0], back: application.got.length - before[1] };
  }

  /** Loses, or holds back, what passes on some channels. */
  lose(...channels: number[]): void {
    this.pair.handlers.datagrams.pass = (packet) => channels.includes(channelOf(packet) ?? 0) ? [] : [packet];
  }

  /** Checks that all datagrams came from one flow over one association, and closes. */
  async close(): Promise<void> {
    const { pair } = this;
    assertEquals(new Set(pair.target.got.map(({ from }) => from.port)).size, 1, "the target saw one socket");
    assertEquals(new Set(pair.target.texts).size, pair.target.texts.length);
    await pair.close();
  }
}

const ALL = { there: 3, back: 3 };

for (const channel of [1, 2, 3]) {
  for (const how of ["reset", "close", "silence"] as const) {
    Deno.test(`channel ${channel} is joined again from another address while datagrams flow: ${how}`, async () => {
      const talk = new Talk({ client: "timeouts: {ping: 5s, silence: 9s}" });
      const { pair: { handlers: { clock, network, server } } } = talk;
      assertEquals(await talk.say(), ALL);
      const [before, sockets] = [talk.association.connections[channel - 1]!.local, server.activity.datagrams.sent];
      network.source = "198.51.100.77";
      talk.paths.get(channel)![how]();
      for (let second = 0; second < 25; second++) {
        // Handles, keys and numbers are those of the association: nothing is lost with a connection.
        assertEquals(await talk.say(), ALL, `second ${second}`);
        await clock.advance(1000);
      }
      const { association } = talk;
      assertEquals(association.away.size, 0);
      assertNotEquals(association.connections[channel - 1]!.local, before);
      assert(server.activity.datagrams.sent > sockets);
      let elsewhere = 0;
      handlers(talk).datagrams.pass = (packet) => {
        const { host } = addressAt(packet.from);
        if (channelOf(packet) === channel && host.startsWith("198.")) elsewhere++;
        return [packet];
      };
      assertEquals([await talk.say(), elsewhere], [ALL, 3]);
      await talk.close();
    });
  }
}

const handlers = ({ pair }: Talk) => pair.handlers;

for (const channel of [1, 2, 3]) {
  Deno.test(`of three channels of which two suffice, ${channel} loses all: not a datagram is lost`, async () => {
    const talk = new Talk(TWO), { clock, network } = talk.pair.handlers;
    talk.lose(channel);
    for (let round = 0; round < 5; round++) assertEquals(await talk.say(), ALL, `round ${round}`);
    // Its connection breaks, too, and does not come back.
    network.onConnect = ({ host }) => {
      if (host === `192.0.2.${channel}`) throw new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
    };
    talk.paths.get(channel)!.reset();
    for (let round = 0; round < 20; round++) {
      assertEquals(await talk.say(), ALL, `round ${round}, away`);
      await clock.advance(500);
    }
    assertEquals([...talk.association.away], [channel - 1]);
    await talk.close();
  });

  Deno.test(`of three channels of which two suffice, ${channel} lags by a second: not a datagram is lost or doubled`, async () => {
    const talk = new Talk(TWO), { clock, datagrams, client, server } = talk.pair.handlers;
    const held: Packet[][] = [];
    datagrams.pass = (packet) => {
      if (channelOf(packet) !== channel) return [packet];
      held[0]!.push(packet);
      return [];
    };
    for (let round = 0; round < 100; round++) {
      held.unshift([]);
      assertEquals(await talk.say(), ALL, `round ${round}`);
      await clock.advance(50);
      for (const packet of held.splice(20).flat()) {
        const { pass } = datagrams;
        datagrams.pass = (one) => [one];
        datagrams.send(packet);
        datagrams.pass = pass;
      }
    }
    assert(server.activity.datagrams.duplicate > 0);
    // The server has learned where the channel's packets come from, so that it is there when another one fails.
    assert(client.activity.datagrams.duplicate > 0);
    assertEquals([server, client].map(({ activity: { datagrams: { forged, late } } }) => [forged, late]), [[0, 0], [
      0,
      0,
    ]]);
    await talk.close();
  });

  Deno.test(`channel ${channel} joins late, and carries datagrams both ways from then on`, async () => {
    const talk = new Talk(TWO), { clock, network } = talk.pair.handlers;
    let away = true;
    network.onConnect = ({ host }) => {
      if (away && host === `192.0.2.${channel}`) throw new Deno.errors.ConnectionRefused("refused (os error 111)");
    };
    assertEquals(await talk.say(), ALL);
    assertEquals([...talk.association.away], [channel - 1]);
    away = false;
    await clock.advance(40_000);
    assertEquals(talk.association.away.size, 0);
    // The server learns of its address from a share that was not needed.
    assertEquals(await talk.say(), ALL);
    await clock.advance(100);
    assertEquals(await talk.say(), ALL);
    for (const other of [1, 2, 3].filter((one) => one !== channel)) {
      talk.lose(other);
      assertEquals(await talk.say(), ALL, `without ${other}`);
    }
    assertEquals(talk.pair.handlers.server.activity.datagrams.noFlow, 0);
    await talk.pair.close();
  });

  Deno.test(`channel ${channel} is cut out for lying: its packets go on, judged one by one`, async () => {
    const change = (piece: Uint8Array, at: number) => {
      if (at >= 3000) piece[0]! ^= 1;
    };
    const talk = new Talk(
      TWO,
      (path, of) => of === channel ? new Interposer(path, { change }, { change }) : new Interposer(path),
    );
    const { datagrams, network, targets, client } = talk.pair.handlers;
    assertEquals(await talk.say(), ALL);
    const connection = await network.connect({ host: "127.0.0.1", port: 8080 }), target = await targets.accept();
    for (let piece = 0; piece < 150; piece++) {
      await connection.write(new Uint8Array(100));
      await target!.write(new Uint8Array(100));
      await talk.pair.flow();
    }
    assert(talk.association.isLiar(channel - 1));
    assertEquals(await talk.say(), ALL);
    // It lies about datagrams, too: nothing wrong is delivered, and nothing is lost.
    datagrams.pass = (packet) => {
      if (channelOf(packet) !== channel) return [packet];
      const bytes = packet.bytes.slice();
      bytes[bytes.length - 1]! ^= 1;
      return [{ ...packet, bytes }];
    };
    for (let round = 0; round < 5; round++) assertEquals(await talk.say(), ALL, `round ${round}`);
    assertEquals(talk.pair.target.texts.filter((text) => !/^text \d+$/.test(text)), []);
    // It tells the truth about them: it is as good as any other.
    talk.lose(channel === 1 ? 2 : 1);
    await talk.pair.handlers.clock.advance(100);
    assertEquals(await talk.say(), ALL);
    assertEquals(client.activity.datagrams.noAddress, 0);
    connection.close();
    target!.close();
    await talk.close();
  });
}

/** SOCKS5's UDP ASSOCIATE over networks in memory; the test plays the application and the far ends of flows. */
import { assertEquals, assertRejects } from "@std/assert";
import { DatagramCounts } from "../../../src/datagrams/counts.ts";
import type { RelayArrival } from "../../../src/client/ingress/arrival.ts";
import { Socks5Ingress } from "../../../src/client/ingress/socks5.ts";
import { MAX_FLOWS, type RelayFault, Socks5Relay } from "../../../src/client/ingress/socks5_relay.ts";
import { Socks5Udp } from "../../../src/client/ingress/socks5_udp.ts";
import { Users } from "../../../src/client/ingress/users.ts";
import { silentLog } from "../../../src/log/log.ts";
import { ThrottledWarning } from "../../../src/log/throttled.ts";
import { Activity } from "../../../src/observe/activity.ts";
import type { Address } from "../../../src/net/address.ts";
import { writeAll } from "../../../src/net/connection.ts";
import type { DatagramBatch, DatagramNetwork } from "../../../src/net/datagram.ts";
import { endpointOf } from "../../../src/net/endpoint.ts";
import { Count } from "../../../src/workers/worker_group.ts";
import { PlayedFlows } from "../../support/handlers/flows.ts";
import {
  type AssociateOptions,
  encodeAddress,
  encodeDatagram,
  Refused,
  Socks5UdpClient,
} from "../../support/handlers/socks5_udp.ts";
import { latin1, LISTEN, readSome, startTalk, type Talk } from "../../support/handlers/talk.ts";
import { MemoryDatagrams } from "../../support/network/memory_datagrams.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

const WEB: Address = { host: "web", port: 53 };

/** A SOCKS5 listener with relays. */
class Relays implements AsyncDisposable {
  readonly datagrams = new MemoryDatagrams();
  readonly flows = new PlayedFlows();
  readonly activity = new Activity(new FakeClock());
  readonly counts = this.activity.datagrams;
  readonly channels = new Count();
  hasRoom = true;
  readonly udp: Socks5Udp;
  talk!: Talk;

  private constructor(network?: DatagramNetwork) {
    this.udp = new Socks5Udp({
      datagrams: network ?? this.datagrams,
      flows: this.flows,
      activity: this.activity,
      room: () => this.hasRoom,
      channels: this.channels,
      refused: new ThrottledWarning(silentLog, this.activity.clock, ""),
    });
  }

  /** Numbers of datagrams that were dropped, by their fault. */
  get faults(): Partial<Record<RelayFault, number>> {
    return Object.fromEntries(Object.entries(this.counts).filter(([, count]) => count > 0));
  }

  static async start({ listen = LISTEN, users, network }: {
    listen?: Address;
    users?: Users;
    network?: DatagramNetwork;
  } = {}): Promise<Relays> {
    const relays = new Relays(network), relay = (arrival: RelayArrival) => relays.udp.relay(arrival);
    relays.talk = await startTalk(new Socks5Ingress(listen, users), {}, 5000, relay);
    return relays;
  }

  async associate(options?: AssociateOptions): Promise<Socks5UdpClient> {
    const { talk: { network, ingress: { addresses: [proxy] } }, datagrams } = this;
    const client = await Socks5UdpClient.associate({ network, datagrams }, proxy!, options);
    await settle();
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.udp.close();
    await this.talk[Symbol.asyncDispose]();
    assertEquals([this.channels.value, this.flows.size, this.talk.clock.pending], [0, 0, 0]);
  }
}

Deno.test("datagrams go to a flow for each destination, and answers come as if from there", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  assertEquals(client.relay.host, LISTEN.host);
  const destinations = [WEB, { host: "192.0.2.1", port: 53 }, { host: "2001:db8::1", port: 123 }, { ...WEB, port: 54 }];
  for (const [index, destination] of [...destinations, ...destinations].entries()) {
    client.send(destination, latin1(`to ${index}`));
  }
  await settle();
  const { opened } = relays.flows, source = client.socket.address;
  assertEquals(
    opened.map(({ origin: { source, destination, user } }) => ({ source, destination, user })),
    destinations.map((destination) => ({ source, destination, user: undefined })),
  );
  assertEquals(
    opened.map(({ sent }) => sent),
    [0, 1, 2, 3].map((index) => {
      return [index, index + 4].map((number) => `${latin1(`to ${number}`).toHex()} 0`);
    }),
  );
  for (const [index, { origin }] of opened.entries()) {
    origin.answer(latin1(`from ${index}`), 0);
    assertEquals(await client.receive(), { address: destinations[index]!, payload: latin1(`from ${index}`) });
  }
  assertEquals(relays.faults, {});
});

Deno.test("answers name the destination as the application wrote it", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  client.send({ host: "Web.Example.", port: 53 }, latin1("?"));
  await settle();
  const [flow] = relays.flows.opened;
  assertEquals(flow!.origin.destination, { host: "web.example.", port: 53 });
  flow!.origin.answer(latin1("!"), 0);
  assertEquals((await client.receive()).address, { host: "Web.Example.", port: 53 });
});

Deno.test("empty datagrams, long ones, and traffic classes are carried both ways", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  const long = new Uint8Array(1400).fill(7), classes: number[] = [];
  relays.datagrams.pass = (packet) => {
    classes.push(packet.trafficClass);
    return [packet];
  };
  for (const payload of [new Uint8Array(0), long]) client.sendRaw(encodeDatagram(WEB, payload), client.socket, 0xb9);
  await settle();
  const [flow] = relays.flows.opened;
  assertEquals(flow!.sent, [" 185", `${long.toHex()} 185`]);
  for (const payload of [new Uint8Array(0), long]) flow!.origin.answer(payload, 0x2e);
  assertEquals((await client.receive()).payload, new Uint8Array(0));
  assertEquals((await client.receive()).payload, long);
  assertEquals(classes, [0xb9, 0xb9, 0x2e, 0x2e]);
});

Deno.test("IPv6 applications get a relay at the IPv6 address that they connected to", async () => {
  await using relays = await Relays.start({ listen: { host: "::1", port: 1080 } });
  using client = await relays.associate();
  assertEquals(client.relay.host, "::1");
  client.send(WEB, latin1("?"));
  await settle();
  assertEquals(relays.flows.opened[0]!.origin.source, client.socket.address);
});

Deno.test("the user of an ASSOCIATE is that of its flows", async () => {
  await using relays = await Relays.start({ users: new Users("alice:secret\n") });
  using client = await relays.associate({ user: ["alice", "secret"] });
  client.send(WEB, latin1("?"));
  await settle();
  assertEquals(relays.flows.opened[0]!.origin.user, "alice");
  await assertRejects(() => relays.associate({ user: ["alice", "wrong"] }), Deno.errors.UnexpectedEof);
});

Deno.test("only the application's host may send, and only the port of its first datagram", async () => {
  await using relays = await Relays.start();
  const { datagrams, flows } = relays;
  using client = await relays.associate();
  const bytes = encodeDatagram(WEB, latin1("spoofed")), to = endpointOf(client.relay);
  const spoof = (from: Address) =>
    datagrams.send({ from: endpointOf(from), to, bytes: bytes.slice(), trafficClass: 0 });
  const { host, port } = client.socket.address;
  for (const other of ["203.0.113.9", "127.0.0.1", "::1", "2001:db8::1"]) spoof({ host: other, port });
  // A fault of the application itself does not fix its port.
  const early = datagrams.bind({ host, port: 0 });
  client.sendRaw(latin1("not a header"), early);
  await settle();
  assertEquals([relays.faults, flows.opened], [{ stranger: 4, malformed: 1 }, []]);
  client.send(WEB, latin1("mine"));
  client.sendRaw(bytes, early);
  spoof({ host, port: port + 1 });
  spoof({ host: "203.0.113.9", port });
  client.send(WEB, latin1("mine, too"));
  await settle();
  assertEquals(relays.faults, { stranger: 7, malformed: 1 });
  assertEquals(flows.opened.map(({ sent }) => sent.length), [2]);
  flows.opened[0]!.origin.answer(latin1("!"), 0);
  assertEquals((await client.receive()).payload, latin1("!"));
  early.close();
});

/** The named address, as a function of the application's host, and if another port may send. */
const NAMED = [
  ["its own address", (host: string) => ({ host, port: 40_000 }), false],
  ["a port of any host", () => ({ host: "0.0.0.0", port: 40_000 }), false],
  ["its host and no port", (host: string) => ({ host, port: 0 }), true],
  ["an address behind a NAT", () => ({ host: "10.0.0.1", port: 40_000 }), true],
  ["a name", () => ({ host: "localhost", port: 40_000 }), true],
  ["no name even", () => ({ host: "", port: 40_000 }), true],
] as const;

for (const [what, named, isFree] of NAMED) {
  Deno.test(`an application that names ${what} ${isFree ? "sends from any port" : "sends from no other"}`, async () => {
    await using relays = await Relays.start();
    const host = relays.talk.network.source;
    using client = await relays.associate({ named: named(host), from: { host, port: 39_999 } });
    client.send(WEB, latin1("?"));
    await settle();
    assertEquals(relays.faults, isFree ? {} : { stranger: 1 });
    const right = relays.datagrams.bind({ host, port: 40_000 });
    client.sendRaw(encodeDatagram(WEB, latin1("?")), right);
    await settle();
    assertEquals(relays.faults, { stranger: 1 });
    assertEquals(relays.flows.opened[0]!.origin.source, { host, port: isFree ? 39_999 : 40_000 });
    right.close();
  });
}

Deno.test("fragments, bad names, port 0 and anything else without a valid header are dropped and counted", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  const cases: [Uint8Array, "malformed" | "fragment"][] = [
    [encodeDatagram(WEB, latin1("a"), 1), "fragment"],
    [encodeDatagram(WEB, latin1("b"), 0x82), "fragment"],
    [encodeDatagram({ host: "we\0b", port: 53 }, latin1("c")), "malformed"],
    [encodeDatagram({ host: "\xff\xfe", port: 53 }, latin1("d")), "malformed"],
    [encodeDatagram({ host: "a\r\nb", port: 53 }, latin1("e")), "malformed"],
    [encodeDatagram({ host: "a".repeat(255), port: 53 }, latin1("f")), "malformed"],
    [encodeDatagram({ host: "", port: 53 }, latin1("g")), "malformed"],
    [encodeDatagram({ ...WEB, port: 0 }, latin1("h")), "malformed"],
    [encodeDatagram(WEB, new Uint8Array(0)).subarray(0, 6), "malformed"],
    [new Uint8Array(0), "malformed"],
    [new Uint8Array(4), "malformed"],
    [new Uint8Array(1400), "malformed"],
  ];
  for (const [bytes, fault] of cases) {
    const before = relays.counts[fault];
    client.sendRaw(bytes);
    await settle();
    assertEquals(relays.counts[fault], before + 1, bytes.toHex());
  }
  assertEquals([relays.faults, relays.flows.opened], [{ fragment: 2, malformed: cases.length - 2 }, []]);
  client.send(WEB, latin1("fine"));
  await settle();
  assertEquals(relays.flows.opened[0]!.sent, [`${latin1("fine").toHex()} 0`]);
});

Deno.test("datagrams that are too long for any path are dropped and counted", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  const bytes = encodeDatagram(WEB, new Uint8Array(60_000)), from = endpointOf(client.socket.address);
  relays.datagrams.send({ from, to: endpointOf(client.relay), bytes: Uint8Array.from(bytes), trafficClass: 0 });
  client.send(WEB, latin1("short"));
  await settle();
  assertEquals([relays.faults, relays.flows.opened[0]!.sent.length], [{ tooLarge: 1 }, 1]);
  relays.flows.opened[0]!.origin.answer(new Uint8Array(60_000), 0);
  relays.flows.opened[0]!.origin.answer(latin1("short"), 0);
  assertEquals((await client.receive()).payload, latin1("short"));
  assertEquals(relays.faults, { tooLarge: 2 });
});

for (const [how, end] of [["closes", "close"], ["resets", "reset"]] as const) {
  Deno.test(`an application that ${how} its connection ends its relay and flows`, async () => {
    await using relays = await Relays.start();
    const { datagrams, talk, flows, channels } = relays;
    using client = await relays.associate();
    for (let index = 1; index <= 3; index++) client.send({ host: "web", port: index }, latin1("?"));
    await settle();
    assertEquals([channels.value, flows.size, datagrams.openSockets, talk.ingress.size], [1, 3, 2, 2]);
    client.control[end]();
    await settle();
    assertEquals([channels.value, flows.size, datagrams.openSockets, talk.ingress.size], [0, 0, 1, 1]);
    // An answer that was under way.
    flows.opened[0]!.origin.answer(latin1("!"), 0);
    client.send(WEB, latin1("?"));
    await settle();
    assertEquals(flows.opened.length, 3);
  });
}

Deno.test("an application that half-closes ends its relay, and bytes on its connection do not", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  await writeAll(client.control, new Uint8Array(100_000));
  client.send(WEB, latin1("?"));
  await settle();
  assertEquals(relays.flows.size, 1);
  await client.control.closeWrite();
  assertEquals(await client.control.read(new Uint8Array(1)), null);
  await settle();
  assertEquals([relays.flows.size, relays.channels.value], [0, 0]);
});

Deno.test("a datagram that was received when the relay ended opens no flow", async () => {
  const flows = new PlayedFlows(), counts = new DatagramCounts();
  const received = Promise.withResolvers<number>(), address = endpointOf({ host: "127.0.0.1", port: 1 });
  const socket = new MemoryDatagrams().bind(LISTEN);
  let batch: DatagramBatch | undefined;
  socket.receive = (into) => {
    batch ??= into;
    return received.promise;
  };
  const relay = new Socks5Relay(socket, address, undefined, { flows, counts }), running = relay.run();
  const datagram = encodeDatagram(WEB, latin1("?"));
  batch!.slot(0).set(datagram);
  batch!.lengths[0] = datagram.length;
  batch!.remotes.set(address);
  received.resolve(1);
  relay.close();
  socket.receive = () => Promise.resolve(0);
  await running;
  assertEquals([flows.opened, counts.stranger], [[], 0]);
});

Deno.test("the handler's end ends relays and their connections, and no other begins", async () => {
  await using relays = await Relays.start();
  using client = await relays.associate();
  relays.udp.close();
  assertEquals(await client.control.read(new Uint8Array(1)), null);
  await settle();
  assertEquals([relays.channels.value, relays.datagrams.openSockets], [0, 1]);
  await assertRejects(() => relays.associate(), Refused);
  assertEquals(relays.datagrams.openSockets, 1);
});

Deno.test("a flow that is over is opened again by the next datagram", async () => {
  await using relays = await Relays.start();
  const { flows } = relays;
  using client = await relays.associate();
  for (let time = 1; time <= 3; time++) {
    client.send(WEB, latin1("?"));
    client.send(WEB, latin1("?"));
    await settle();
    assertEquals([flows.opened.length, flows.opened.at(-1)!.sent.length], [time, 2]);
    flows.opened.at(-1)!.close();
  }
});

Deno.test("a flow that was evicted, and ends later, leaves its successor alone", async () => {
  await using relays = await Relays.start();
  const { flows } = relays;
  using client = await relays.associate();
  // In one turn: none has ended yet when its successor begins.
  for (const port of [1, ...Array.from({ length: MAX_FLOWS }, (_, index) => index + 2), 1]) {
    client.send({ host: "web", port }, latin1("?"));
  }
  await settle();
  client.send({ host: "web", port: 1 }, latin1("again"));
  await settle();
  assertEquals(flows.opened.filter(({ origin }) => origin.destination.port === 1).length, 2);
  assertEquals(flows.opened.at(-1)!.sent, ["3f 0", `${latin1("again").toHex()} 0`]);
});

Deno.test("an application has a limited number of flows: the one that was silent longest makes room", async () => {
  await using relays = await Relays.start();
  const { flows } = relays;
  using client = await relays.associate();
  const send = async (port: number) => {
    client.send({ host: "web", port }, latin1("?"));
    await settle();
  };
  for (let port = 1; port <= MAX_FLOWS; port++) await send(port);
  await send(1);
  await send(MAX_FLOWS + 1);
  await send(MAX_FLOWS + 2);
  const over = flows.opened.filter(({ isOver }) => isOver).map(({ origin }) => origin.destination.port);
  assertEquals([over, flows.size], [[2, 3], MAX_FLOWS]);
});

Deno.test("two applications have relays of their own", async () => {
  await using relays = await Relays.start();
  using one = await relays.associate();
  using other = await relays.associate();
  assertEquals(one.relay.port === other.relay.port, false);
  for (const client of [one, other]) client.send(WEB, latin1("?"));
  // To the other's relay, from the same host.
  one.sendRaw(encodeDatagram(WEB, latin1("?")), other.socket);
  await settle();
  assertEquals(
    relays.flows.opened.map(({ origin }) => origin.source),
    [one, other].map(({ socket }) => socket.address),
  );
  assertEquals(relays.faults, { stranger: 1 });
});

Deno.test("without room, or a socket, an application gets a reply and its connection closes in order", async () => {
  const network: DatagramNetwork = {
    bind: () => {
      throw new Deno.errors.AddrNotAvailable("no such address");
    },
  };
  for (const hasRoom of [true, false]) {
    await using relays = await Relays.start({ network });
    relays.hasRoom = hasRoom;
    const error = await assertRejects(() => relays.associate(), Refused);
    assertEquals([error.reply, relays.activity.refusals.of("overloaded")], [1, 1]);
  }
});

Deno.test("the reply has the relay's address, and comes after that of authentication", async () => {
  await using relays = await Relays.start();
  const { application, network } = relays.talk;
  await writeAll(application, Uint8Array.of(5, 1, 0, 5, 3, 0, ...encodeAddress({ host: "0.0.0.0", port: 0 })));
  await settle();
  assertEquals((await readSome(application)).toHex(), "0500" + "050000017f000001" + "c000");
  assertEquals(network.openEnds, 2);
});

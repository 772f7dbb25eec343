/** Attacks on the joining of channels again, against a real server handler and a client played by the test. */
import { assert, assertEquals, assertInstanceOf, assertMatch, assertNotEquals } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import { initiate } from "../../src/association/initiate.ts";
import { RejoinKey } from "../../src/association/rejoin_key.ts";
import type { Address } from "../../src/net/address.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { decodeFrom } from "../../src/wire/decoder.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { decodeGreeting } from "../../src/wire/greeting.ts";
import { decodeRejoinReply, encodeRejoin, type RejoinReply } from "../../src/wire/rejoin.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { channelAddresses } from "../support/handlers/pair.ts";
import { settle } from "../support/time/fake_clock.ts";

const CHANNELS = channelAddresses(3);

/** Refusal of a REJOIN, whatever is wrong with it. */
const REFUSED: RejoinReply = { kind: "refused", reason: 6 };

/** A client with one stream, which knows what the server has offered. */
class Client implements AsyncDisposable {
  private constructor(
    readonly handlers: Handlers,
    readonly association: Association,
    readonly peer: FramePeer,
    readonly target: Connection,
  ) {}

  static async start(): Promise<Client> {
    const handlers = new Handlers(), { network, clock } = handlers;
    const association = await initiate(CHANNELS, { network, clock });
    const peer = new FramePeer(association);
    await peer.send(encode.open(1, { destination: { kind: "port", port: 80 } }));
    const target = (await handlers.targets.accept())!;
    assertEquals((await peer.next(FrameType.Result)).code, ResultCode.Ok);
    await settle();
    // The server learns that this client joins channels again.
    await peer.send(encode.ack(association.joined));
    await settle();
    await peer.drain();
    return new Client(handlers, association, peer, target);
  }

  /** The server's association. */
  get there(): Association {
    return [...this.handlers.server.activity.associations.keys()].at(-1)!;
  }

  /** The means to join a channel again. */
  key(index: number): RejoinKey {
    return new RejoinKey(this.peer.offers.get(index)!);
  }

  /** Connects to a channel's address. @returns The connection and its cookie. */
  async connect(to: Address): Promise<{ connection: Connection; cookie: Uint8Array }> {
    const connection = await this.handlers.network.connect(to);
    return { connection, cookie: await decodeFrom(decodeGreeting(), (into) => readFull(connection, into)) };
  }

  /** Sends REJOIN with right values where no others are given. @returns The answer, null for a reset; the connection. */
  async rejoin(
    index: number,
    attempt: number,
    other: Wrong = {},
  ): Promise<{ reply: RejoinReply | null; connection: Connection }> {
    const { connection, cookie } = await this.connect(CHANNELS[other.at ?? index]!);
    const { handle, received = this.association.received[index]!, code, key = this.key(index) } = other;
    const right = key.ofClient(attempt, other.meant ?? received, other.cookie ?? cookie);
    if (code !== undefined) right[code >> 3]! ^= 1 << (code & 7);
    await writeAll(connection, encodeRejoin({ handle: handle ?? key.handle, attempt, received, code: right }));
    const reply = await decodeFrom(decodeRejoinReply(), (into) => readFull(connection, into)).catch((error) => {
      assertInstanceOf(error, Deno.errors.ConnectionReset);
      return null;
    });
    if (reply?.kind !== "rejoined") connection.close();
    return { reply, connection };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.association.abort();
    await this.handlers.close(this.target);
  }
}

/** Values of a REJOIN that are not as they should be. */
interface Wrong {
  readonly handle?: Uint8Array;
  readonly received?: number;
  /** The number that the code is over. */
  readonly meant?: number;
  /** The bit of the code to flip. */
  readonly code?: number;
  /** A key that was offered before. */
  readonly key?: RejoinKey;
  /** A cookie of another connection. */
  readonly cookie?: Uint8Array;
  /** Index of the channel at whose address it arrives. */
  readonly at?: number;
}

/** Asserts that the channel of index 1 can be joined with an attempt, by its owner alone. */
async function assertJoins(client: Client, attempt: number): Promise<Connection> {
  const { reply, connection } = await client.rejoin(1, attempt);
  const received = client.there.received[1]!;
  const code = client.key(1).ofServer(attempt, received, client.association.received[1]!);
  assertEquals<unknown>(reply, { kind: "rejoined", received, code });
  return connection;
}

Deno.test("a forged REJOIN costs its connection alone: it is refused as if nothing were there, and uses up no attempt", async () => {
  await using client = await Client.start();
  const stranger = await client.connect(CHANNELS[1]!);
  const wrong: Wrong[] = [
    ...[0, 7, 64, 127].map((code) => ({ code })),
    { handle: new Uint8Array(16) },
    { handle: client.key(0).handle },
    { cookie: stranger.cookie },
    { received: 0, meant: client.association.received[1]! },
    { at: 0 },
    { at: 2 },
  ];
  for (const other of wrong) assertEquals((await client.rejoin(1, 0, other)).reply, REFUSED, JSON.stringify(other));
  assertEquals([client.there.ended, client.there.away.size], [false, 0]);
  stranger.connection.close();
  (await assertJoins(client, 0)).close();
});

Deno.test("an attempt that was accepted is not accepted again, nor one below it", async () => {
  await using client = await Client.start();
  const before = client.peer.offers.get(1)!;
  const first = await assertJoins(client, 3);
  for (const attempt of [0, 2, 3]) assertEquals((await client.rejoin(1, attempt)).reply, REFUSED);
  first.close();
  const second = await assertJoins(client, 4);
  assertEquals(client.peer.offers.get(1), before);
  second.close();
});

Deno.test("a REJOIN that was seen is of no use on another connection", async () => {
  await using client = await Client.start();
  const { connection, cookie } = await client.connect(CHANNELS[1]!);
  const key = client.key(1), received = client.association.received[1]!;
  const seen = encodeRejoin({ handle: key.handle, attempt: 0, received, code: key.ofClient(0, received, cookie) });
  const thief = await client.connect(CHANNELS[1]!);
  await writeAll(thief.connection, seen);
  const answer = await decodeFrom(decodeRejoinReply(), (into) => readFull(thief.connection, into));
  assertEquals(answer, REFUSED);
  for (const one of [connection, thief.connection]) one.close();
  (await assertJoins(client, 0)).close();
});

Deno.test("the old connection brings nothing once the count of received bytes is stated", async () => {
  await using client = await Client.start();
  const [, old] = client.association.connections;
  const writes = writeAll(old!, new Uint8Array(1000)).catch(() => {});
  const { reply, connection } = await client.rejoin(1, 0);
  assert(reply?.kind === "rejoined");
  await writes;
  await writeAll(old!, new Uint8Array(1000)).catch(() => {});
  await settle();
  assertEquals(client.there.received[1], reply.received);
  assertEquals(client.there.connections[1]!.remote, connection.local);
  connection.close();
});

Deno.test("counts that can't be end the association, and no byte reaches an application", async () => {
  for (const what of ["more than was sent", "less than was acknowledged"] as const) {
    await using client = await Client.start();
    const { there } = client;
    const received = what === "more than was sent" ? there.offered + 1 : there.acknowledged - 1;
    const { connection } = await client.rejoin(1, 0, { received });
    await settle();
    assertEquals(there.ended, true, what);
    const { reason } = client.handlers.serverLines.find(({ event }) => event === "association failed")!;
    assertMatch(`${reason}`, /^channel 2 \(192\.0\.2\.2:6522\): (it needs the bytes|the other side has)/, what);
    connection.close();
  }
});

Deno.test("of two connections for one channel, the one of the later attempt is used", async () => {
  await using client = await Client.start();
  const [one, two] = await Promise.all([client.rejoin(1, 0), client.rejoin(1, 1)]);
  assertEquals(two.reply?.kind, "rejoined");
  await settle();
  assertEquals(client.there.connections[1]!.remote, two.connection.local);
  for (const { connection } of [one, two]) connection.close();
});

Deno.test("a REJOIN with an earlier key that comes behind one with a later key is refused", async () => {
  await using client = await Client.start();
  const { association, peer } = client, earlier = client.key(1);
  await association.suspend(1);
  const { reply, connection } = await client.rejoin(1, 0);
  assert(reply?.kind === "rejoined");
  association.resume(1, connection, reply.received);
  await settle();
  await peer.drain();
  assertNotEquals(client.key(1).handle, earlier.handle);
  await association.suspend(1);
  // Until the first one is in use, the server handler knows both keys.
  const [right, late] = await Promise.all([client.rejoin(1, 0), client.rejoin(1, 1, { key: earlier })]);
  await settle();
  assertEquals([right.reply?.kind, late.reply], ["rejoined", REFUSED]);
  assertEquals(client.there.connections[1]!.remote, right.connection.local);
  right.connection.close();
});

Deno.test("a channel that has ended in order and is joined again at once keeps its new connection", async () => {
  await using client = await Client.start();
  const { there, association } = client, key = client.key(1), received = association.received[1]!;
  const { connection, cookie } = await client.connect(CHANNELS[1]!);
  await association.connections[1]!.closeWrite();
  const code = key.ofClient(0, received, cookie);
  await writeAll(connection, encodeRejoin({ handle: key.handle, attempt: 0, received, code }));
  await settle();
  assertEquals([[...there.away], there.connections[1]!.remote], [[], connection.local]);
  connection.close();
});

Deno.test("ACKs that can't be, and OFFERs by a client, end the association", async () => {
  const cases: [string, (client: Client) => Uint8Array, RegExp][] = [
    ["above what was sent", ({ there }) => encode.ack(there.offered + 1), /ACK of \d+ bytes, out of range/],
    ["below an earlier one", () => encode.ack(0), /ACK of 0 bytes, out of range/],
    [
      "an OFFER",
      () => encode.offer({ index: 0, handle: new Uint8Array(16), secrets: new Uint8Array(272) }),
      /OFFER where it is not allowed/,
    ],
  ];
  for (const [name, frame, message] of cases) {
    await using client = await Client.start();
    const { there } = client;
    await client.peer.send(frame(client));
    await settle();
    assert(there.ended, name);
    assertInstanceOf(there.fault, Error);
    assertMatch(there.fault.message, message);
  }
});

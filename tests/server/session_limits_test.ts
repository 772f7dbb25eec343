/** Limits on sessions, and the places that these hold. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import { ChannelError } from "../../src/association/channel_error.ts";
import { initiate } from "../../src/association/initiate.ts";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { Connection } from "../../src/net/connection.ts";
import { FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { settle } from "../support/time/fake_clock.ts";
import { FORWARD, Handlers } from "../support/handlers/handlers_in_memory.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { channelAddresses, readAll, readToEnd } from "../support/handlers/pair.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import "../support/system/native.ts";

/** A client that is played by hand. */
interface Client {
  readonly association: Association;
  readonly peer: FramePeer;
  opened: number;
}

async function associate(handlers: Handlers, source: string): Promise<Client> {
  handlers.network.source = source;
  const association = await initiate(channelAddresses(3), handlers);
  return { association, peer: new FramePeer(association), opened: 0 };
}

/** Requests a session. @returns The code of the answer. */
async function request(client: Client): Promise<ResultCode> {
  await client.peer.send(encode.open(++client.opened, OPEN));
  return (await client.peer.next(FrameType.Result)).code;
}

/** Number of sessions that hold a place. */
const used = ({ server }: Handlers) => server.levels().limits.find(({ name }) => name === "sessions")?.used;

const { Ok, Overloaded } = ResultCode;

Deno.test("sessions beyond the limit are refused as overloaded, with a line, and accepted once others have ended", async () => {
  const handlers = new Handlers({}, { server: "limits: {sessions: 3}" });
  const sessions = [];
  for (let count = 0; count < 3; count++) sessions.push(await handlers.session());
  const late = await handlers.network.connect(FORWARD);
  assertInstanceOf((await readToEnd(late)).error, Deno.errors.ConnectionReset);
  const reached = handlers.serverLines.find(({ event }) => event === "limit reached");
  assertEquals([reached?.limit, reached?.value, handlers.server.activity.limitHits.of("sessions")], ["sessions", 3, 1]);
  assertEquals(handlers.clientLines.filter(({ event }) => event === "session refused").length, 1);
  // The refusal concerns that session alone.
  assertEquals([handlers.server.associations, used(handlers)], [1, 3]);
  const { application, target } = sessions.pop()!;
  await Promise.all([application.closeWrite(), target.closeWrite(), readAll(application), readAll(target)]);
  await settle();
  sessions.push(await handlers.session());
  await handlers.close(
    late,
    application,
    target,
    ...sessions.flatMap(({ application, target }) => [application, target]),
  );
});

Deno.test("a session counts against the limit from its OPEN on, while its target is being connected", async () => {
  const handlers = new Handlers();
  handlers.network.onConnect = ({ port }) => port === 8000 ? new Promise(() => {}) : undefined;
  const { association, peer } = await associate(handlers, "203.0.113.1");
  await peer.send(encode.open(1, OPEN), encode.open(2, OPEN));
  await settle();
  assertEquals([used(handlers), handlers.server.activity.sessions.size], [2, 0]);
  association.end();
  await settle();
  assertEquals(used(handlers), 0);
  await handlers.close();
});

Deno.test("the sessions of one source are limited over all its associations, and those of others are not", async () => {
  const handlers = new Handlers({}, { server: "limits: {sessions-per-source: 2}" });
  const [one, same, other] = [
    await associate(handlers, "203.0.113.1"),
    await associate(handlers, "203.0.113.1"),
    await associate(handlers, "203.0.113.2"),
  ];
  assertEquals([await request(one), await request(same)], [Ok, Ok]);
  assertEquals([await request(one), await request(same)], [Overloaded, Overloaded]);
  assertEquals([await request(other), await request(other)], [Ok, Ok]);
  const targets: Connection[] = [];
  for (let count = 0; count < 4; count++) targets.push((await handlers.targets.accept())!);
  await same.peer.send(encode.reset(1, ResetCode.Application));
  await settle();
  assertEquals([await request(one), await request(one)], [Ok, Overloaded]);
  targets.push((await handlers.targets.accept())!);
  assertEquals(handlers.server.activity.limitHits.of("sessions-per-source"), 3);
  // The end of an association gives back all that its sessions held.
  one.association.end();
  await settle();
  assertEquals([await request(same), await request(same)], [Ok, Ok]);
  for (let count = 0; count < 2; count++) targets.push((await handlers.targets.accept())!);
  for (const { association } of [one, same, other]) association.end();
  await settle();
  assertEquals(used(handlers), 0);
  await handlers.close(...targets);
});

Deno.test("a reload changes the limits of later sessions, and ends none", async () => {
  const handlers = new Handlers();
  const client = await associate(handlers, "203.0.113.1");
  assertEquals([await request(client), await request(client)], [Ok, Ok]);
  const targets = [(await handlers.targets.accept())!, (await handlers.targets.accept())!];
  const config = (limits: string) =>
    parseConfig(
      "",
      serverSpec,
      ["--config", "s"],
      () => `channels: [192.0.2.1,192.0.2.2,192.0.2.3]\ntargets: {80: "127.0.0.2:8000"}\nlimits: ${limits}`,
    );
  handlers.server.reload({ config: config("{sessions: 1}") });
  assertEquals([await request(client), used(handlers)], [Overloaded, 2]);
  handlers.server.reload({ config: config("{sessions: 3}") });
  assertEquals([await request(client), await request(client), used(handlers)], [Ok, Overloaded, 3]);
  targets.push((await handlers.targets.accept())!);
  client.association.end();
  for (const target of targets) assertInstanceOf((await readToEnd(target)).error, Deno.errors.ConnectionReset);
  await handlers.close(...targets);
});

Deno.test("a stream that is opened and reset at once holds its place until its target is really gone", async () => {
  const handlers = new Handlers({}, { server: "limits: {streams: 128}" });
  const client = await associate(handlers, "203.0.113.1");
  const dialling: (() => void)[] = [];
  handlers.network.onConnect = ({ port }) =>
    port === 8000 ? new Promise<void>((resolve) => dialling.push(resolve)) : undefined;
  for (let number = 1; number <= 128; number++) {
    await client.peer.send(encode.open(number, OPEN), encode.reset(number, ResetCode.Application));
  }
  for (let i = 0; i < 4; i++) await settle();
  // Nothing more is granted while the connections are being made.
  assertEquals([dialling.length, client.peer.heard, client.association.ended], [128, [], false]);
  for (const resume of dialling.splice(0)) resume();
  for (let i = 0; i < 8; i++) await settle();
  const granted = client.peer.heard.splice(0).findLast(({ type }) => type === FrameType.Streams);
  assert(granted?.type === FrameType.Streams && granted.limit > 128 && granted.limit <= 256);
  for (let count = 0; count < 128; count++) {
    const target = (await handlers.targets.accept())!;
    assertInstanceOf((await readToEnd(target)).error, Deno.errors.ConnectionReset);
    target.close();
  }
  assertEquals(used(handlers), 0);
  // One beyond what was granted ends the association.
  let limit = granted.limit;
  for (let number = 129; number <= limit; number++) {
    await client.peer.send(encode.open(number, OPEN));
    for (let i = 0; i < 2; i++) await settle();
    for (const frame of client.peer.heard.splice(0)) if (frame.type === FrameType.Streams) limit = frame.limit;
  }
  assertEquals([limit, client.association.ended, dialling.length], [256, false, 128]);
  await client.peer.send(encode.open(limit + 1, OPEN));
  for (let i = 0; i < 4; i++) await settle();
  assertInstanceOf(await client.peer.ended, ChannelError);
  for (const resume of dialling.splice(0)) resume();
  await settle();
  client.association.end();
  await handlers.close();
});

Deno.test("a session keeps its place while its target has not taken all, though the stream is over", async () => {
  const handlers = new Handlers({ capacity: 1000 });
  const client = await associate(handlers, "203.0.113.1");
  assertEquals(await request(client), Ok);
  const target = (await handlers.targets.accept())!;
  await target.closeWrite();
  await client.peer.next(FrameType.End);
  const data = new Uint8Array(7 + 30_000);
  data.set([FrameType.Data, 0, 0, 0, 1, 30_000 >> 8, 30_000 & 255]);
  await client.peer.send(data, encode.end(1));
  for (let i = 0; i < 4; i++) await settle();
  assertEquals(used(handlers), 1);
  assertEquals((await readAll(target)).length, 30_000);
  await settle();
  assertEquals(used(handlers), 0);
  client.association.end();
  await handlers.close(target);
});

/** The server handler, with a client handler at the other end of the channels. */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import { formatAddress } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { StartError } from "../../src/net/listen/listen.ts";
import { silentLog } from "../../src/log/log.ts";
import { ServerHandler } from "../../src/server/handler.ts";
import { ChannelError } from "../../src/association/channel_error.ts";
import { initiate } from "../../src/association/initiate.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { events, Handlers, lineOf } from "../support/handlers/handlers_in_memory.ts";
import "../support/system/native.ts";
import { channelAddresses, readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { OPEN } from "../support/handlers/session_pair.ts";

const { ConnectionReset } = Deno.errors;

Deno.test("the server handler logs a session in one line with its client, application, bytes and reason for the end", async () => {
  const handlers = new Handlers({}, { client: "send-source: true" });
  const { application, target } = await handlers.session();
  const [request] = await Promise.all([
    readAll(target),
    readAll(application),
    sendAll(application, new Uint8Array(1234)),
    sendAll(target, new Uint8Array(56_789)),
  ]);
  assertEquals(request.length, 1234);
  await settle();
  const { serverLines: lines } = handlers;
  assertEquals(events(lines), ["association", "session", "session ended"]);
  assertEquals(lines.filter(({ level }) => level !== "debug").length, 1);
  const { client, from, ...ended } = lineOf(lines, "session ended");
  assertStringIncludes(String(client), "198.18.0.1:");
  assertEquals(from, formatAddress(application.local));
  assertEquals(ended, {
    ...{ level: "info", event: "session ended", port: 80, target: "127.0.0.2:8000" },
    ...{ "bytes-up": 1234, "bytes-down": 56_789, ms: 0, reason: "both sides ended" },
  });
  await handlers.close(application, target);
});

Deno.test("a port without a target is not allowed, even if a program listens there", async () => {
  const handlers = new Handlers();
  const application = await handlers.network.connect({ host: "127.0.0.1", port: 8082 });
  assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
  await settle();
  assertEquals(lineOf(handlers.serverLines, "session refused").reason, "no target for this port is configured");
  assertEquals(lineOf(handlers.clientLines, "session refused").reason, "no target for this port");
  assertEquals([handlers.server.associations, handlers.server.activity.sessions.size], [1, 0]);
  await handlers.close(application);
});

Deno.test("a destination that is not a port of the server itself is not allowed", async () => {
  const handlers = new Handlers();
  const { network, clock } = handlers;
  for (
    const destination of [
      { kind: "name", port: 80, host: "example.net" },
      { kind: "address", port: 80, address: Uint8Array.of(127, 0, 0, 2) },
    ] as const
  ) {
    const association = await initiate(channelAddresses(3), { network, clock });
    const peer = new FramePeer(association);
    await peer.send(encode.open(1, { destination }));
    assertEquals((await peer.next(FrameType.Result)).code, ResultCode.NotAllowed);
    association.end();
  }
  await settle();
  await handlers.close();
});

Deno.test("a session whose target refuses, or can't be reached in time, is refused with the reason", async () => {
  const handlers = new Handlers();
  const application = await handlers.network.connect({ host: "127.0.0.1", port: 8081 });
  assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
  await settle();
  assertEquals(lineOf(handlers.serverLines, "session refused").reason, "Connection refused");
  assertEquals(lineOf(handlers.clientLines, "session refused").reason, "the target refused the connection");

  handlers.network.onConnect = ({ port }) => port === 8000 ? new Promise(() => {}) : undefined;
  handlers.serverLines.length = handlers.clientLines.length = 0;
  const other = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  let over = false;
  const ended = readToEnd(other).finally(() => over = true);
  await handlers.clock.advance(9999);
  assertEquals(over, false);
  await handlers.clock.advance(1);
  assertInstanceOf((await ended).error, ConnectionReset);
  assertEquals(lineOf(handlers.serverLines, "session refused").reason, "no connection within 10 s");
  assertEquals(lineOf(handlers.clientLines, "session refused").reason, "the target can't be reached");
  await settle();
  await handlers.close(application, other);
});

Deno.test("an association without a session ends after twice the idle time", async () => {
  const handlers = new Handlers();
  const { network, clock, server } = handlers;
  const association = await initiate(channelAddresses(3), { network, clock });
  await settle();
  await clock.advance(119_999);
  assertEquals(server.associations, 1);
  await clock.advance(1);
  assertEquals(server.associations, 0);
  for (const connection of association.connections) assertEquals(await readAll(connection), new Uint8Array());
  association.end();
  assertEquals(events(handlers.serverLines), ["association", "association ended"]);
  await handlers.close();
});

Deno.test("a frame of a stream that was never opened ends an association, with a line in the log", async () => {
  const handlers = new Handlers();
  const { network, clock, server } = handlers;
  const association = await initiate(channelAddresses(2), { network, clock });
  const peer = new FramePeer(association);
  await peer.send(encode.end(1));
  assertInstanceOf(await peer.ended, ChannelError);
  await settle();
  assertEquals([server.associations, peer.heard], [0, []]);
  assertEquals(lineOf(handlers.serverLines, "association failed").reason, "a frame on a stream that was never opened");
  association.end();
  await handlers.close();
});

Deno.test("associations that fail over and over don't flood the log", async () => {
  const handlers = new Handlers();
  const { network, clock, serverLines } = handlers;
  const failed = () => serverLines.filter(({ event }) => event === "association failed");
  for (let count = 0; count < 12; count++) {
    const association = await initiate(channelAddresses(2), { network, clock });
    const peer = new FramePeer(association);
    await peer.send(encode.end(1));
    await peer.ended;
    association.end();
  }
  await settle();
  assertEquals(failed().length, 10);
  assert(failed().every(({ association, client }) => association !== undefined && client !== undefined));
  await clock.advance(10_000);
  assertEquals(failed().slice(10).map((line) => line["more-times"]), [2]);
  await handlers.close();
});

Deno.test("RESULT comes once the target is connected, and the target's bytes need not wait for the application", async () => {
  const handlers = new Handlers();
  const { network, clock } = handlers;
  const association = await initiate(channelAddresses(3), { network, clock });
  const peer = new FramePeer(association);
  await peer.send(encode.open(1, OPEN), dataFrame(1, Uint8Array.of(9)));
  const target = (await handlers.targets.accept())!;
  assertEquals((await peer.next(FrameType.Result)).code, ResultCode.Ok);
  assertEquals(await target.read(new Uint8Array(5)), 1);
  await sendAll(target, Uint8Array.of(1, 2));
  assertEquals((await peer.next(FrameType.Data)).bytes, Uint8Array.of(1, 2));
  await peer.next(FrameType.End);
  await peer.send(encode.end(1));
  assertEquals(await readAll(target), new Uint8Array());
  await settle();
  assertEquals([association.ended, await peer.drain()], [false, []]);
  association.end();
  target.close();
  await settle();
  await handlers.close();
});

Deno.test("streams of one association are served side by side, and a refusal of one leaves the others alone", async () => {
  const handlers = new Handlers();
  const { network, clock } = handlers;
  const association = await initiate(channelAddresses(3), { network, clock });
  const peer = new FramePeer(association);
  const refused = { destination: { kind: "port", port: 443 } } as const;
  await peer.send(encode.open(1, OPEN), encode.open(2, refused), encode.open(3, OPEN));
  const targets = [(await handlers.targets.accept())!, (await handlers.targets.accept())!];
  const results = [];
  for (let count = 0; count < 3; count++) results.push(await peer.next(FrameType.Result));
  assertEquals(results.map(({ stream, code }) => [stream, code]).toSorted(), [
    [1, ResultCode.Ok],
    [2, ResultCode.NotAllowed],
    [3, ResultCode.Ok],
  ]);
  assertEquals(handlers.server.levels().limits.find(({ name }) => name === "sessions")?.used, 2);
  association.end();
  for (const target of targets) assertInstanceOf((await readToEnd(target)).error, ConnectionReset);
  await handlers.close(...targets);
});

Deno.test("a stranger's connection is closed after five seconds, with its address in the log", async () => {
  const handlers = new Handlers();
  const stranger = await handlers.network.connect({ host: "192.0.2.2", port: 6522 });
  await handlers.clock.advance(5000);
  assertEquals((await readAll(stranger)).length, 22);
  const line = handlers.serverLines[0]!;
  assertEquals([line.channel, line.reason], ["192.0.2.2:6522", "not associated within 5 s"]);
  assertStringIncludes(String(line.from), "198.18.0.1:");
  await handlers.close(stranger);
});

Deno.test("after stopListening, sessions continue to their end, and nothing else does", async () => {
  const handlers = new Handlers();
  const { server, network, clock } = handlers;
  const idle = await initiate(channelAddresses(3), { network, clock }), peer = new FramePeer(idle);
  const { application, target } = await handlers.session();
  await clock.advance(1_000);
  server.stopListening();
  assertEquals([await peer.ended, peer.heard], [null, []]);
  idle.end();
  let over = false;
  const ended = server.idle().then(() => over = true);
  const bytes = new Uint8Array(1_000_000).fill(3);
  const [got] = await Promise.all([
    readAll(application),
    sendAll(target, bytes),
    sendAll(application, bytes),
    readAll(target),
  ]);
  assertEquals(got.length, bytes.length);
  await ended;
  assertEquals([over, server.associations], [true, 0]);
  const late = await network.connect({ host: "127.0.0.1", port: 8080 });
  assertInstanceOf((await clock.until(readToEnd(late))).error, ConnectionReset);
  assertEquals(handlers.clientLines.at(-1)?.reason, "channel 1 (192.0.2.1:6522): Connection refused");
  await handlers.close(application, target, late);
});

Deno.test("after stopListening, the OPEN of a new association is answered with BYE", async () => {
  const handlers = new Handlers();
  const { server, network, clock } = handlers;
  const association = await initiate(channelAddresses(3), { network, clock });
  server.stopListening();
  await clock.advance(900);
  const peer = new FramePeer(association);
  await peer.send(encode.open(1, OPEN), encode.end(1));
  assertEquals((await peer.next(FrameType.Bye)).last, 0);
  association.end();
  await server.idle();
  await handlers.close();
});

Deno.test("after stopListening, an association without a session ends silently within a second", async () => {
  const handlers = new Handlers();
  const { server, network, clock } = handlers;
  const association = await initiate(channelAddresses(3), { network, clock });
  server.stopListening();
  await clock.advance(1_000);
  assertEquals(await readAll(association.connections[0]!), new Uint8Array());
  association.end();
  await server.idle();
  await handlers.close();
});

Deno.test("close resets sessions, regardless of their applications and targets", async () => {
  const doing: Record<string, (handlers: Handlers) => Promise<unknown>> = {
    nothing: () => Promise.resolve(),
    "a target that does not read": async (handlers) => {
      const { application } = await handlers.session();
      return writeAll(application, new Uint8Array(5_000_000)).catch(() => {});
    },
    "an application that does not read": async (handlers) => {
      const { target } = await handlers.session();
      return writeAll(target, new Uint8Array(5_000_000)).catch(() => {});
    },
    "a half-closed session": async (handlers) => {
      const { application, target } = await handlers.session();
      await application.closeWrite();
      await readAll(target);
    },
    "a target that does not answer": async (handlers) => {
      handlers.network.onConnect = ({ port }) => port === 8000 ? new Promise(() => {}) : undefined;
      await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
      await settle();
    },
  };
  for (const [what, act] of Object.entries(doing)) {
    const handlers = new Handlers({ capacity: 10_000 });
    // The ends of applications and targets stay open: close() does not wait for them.
    const before = handlers.network.openEnds;
    const acting = act(handlers);
    for (let i = 0; i < 20; i++) await settle();
    await handlers.server.close();
    await handlers.client.close();
    await acting;
    assert(handlers.network.openEnds - before <= 2, `${what}: ${handlers.network.openEnds} ends are open`);
    handlers.targets.close();
    await handlers.clock.advance(10_000);
    assertEquals([handlers.network.openListeners, handlers.clock.pending], [0, 0], what);
  }
});

Deno.test("a server handler that can't listen at one address throws, and listens at none", () => {
  const network = new MemoryNetwork();
  const taken = network.listen({ host: "192.0.2.3", port: 6522 });
  const config = parseConfig(
    "",
    serverSpec,
    ["--channel=192.0.2.1", "--channel=192.0.2.3", "--target=80=127.0.0.1"],
    () => "",
  );
  const clock = new FakeClock();
  assertThrows(
    () => new ServerHandler({ config, log: silentLog, system: { network, clock } }),
    StartError,
    "192.0.2.3:6522",
  );
  assertEquals([network.openListeners, clock.pending], [1, 0]);
  taken.close();
});

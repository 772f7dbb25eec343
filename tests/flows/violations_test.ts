/** A client, and a server, that break the protocol of datagrams: what the other side does, and that nothing is left. */
import { assert, assertEquals } from "@std/assert";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { lineOf } from "../support/handlers/handlers_in_memory.ts";
import { DatagramProgram, FlowPair, UDP_FORWARD, UDP_TARGET } from "./flow_pair.ts";
import { flowing, flowOpen, HostileClient, HostileServer, typesOf } from "./hostile.ts";

const BYTES = Uint8Array.of(1, 2, 3);

/** DATAGRAMS with any number of handles. */
function means(handles: number): Uint8Array {
  const random = (length: number) => {
    const bytes = new Uint8Array(length);
    systemPads(bytes);
    return bytes;
  };
  return encode.datagrams({ key: random(16), handles: Array.from({ length: handles }, () => random(8)) });
}

/** Records of a client that has not sent anything before, and the reason in the server's log. */
const BY_CLIENT: Readonly<Record<string, [reason: string, records: (client: HostileClient) => Uint8Array[][]]>> = {
  "a second DATAGRAMS": ["a second DATAGRAMS", ({ datagrams }) => [[datagrams], [datagrams]]],
  "a second DATAGRAMS, behind a flow": [
    "a second DATAGRAMS",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(1))], [datagrams]],
  ],
  "DATAGRAMS for two of three channels": ["DATAGRAMS for 2 of 3 channels", () => [[means(2)]]],
  "DATAGRAMS for four of three channels": ["DATAGRAMS for 4 of 3 channels", () => [[means(4)]]],
  "a flow before DATAGRAMS": ["OPEN of a flow before DATAGRAMS", () => [[encode.open(1, flowOpen(1))]]],
  "a flow of number 0": ["OPEN of flow 0", ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(0))]]],
  "a flow of a number in use": [
    "OPEN of flow 7, which is open",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(7))], [encode.open(2, flowOpen(7))]],
  ],
  "a flow of a number in use, in one record": [
    "OPEN of flow 7, which is open",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(7)), encode.open(2, flowOpen(7)), encode.open(3, OPEN)]],
  ],
  "a flow of a number that was half-closed": [
    "OPEN of flow 7, which is open",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(7)), encode.end(1), encode.open(2, flowOpen(7))]],
  ],
  "DATA on a flow": [
    "DATA on a flow of datagrams",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(1))], [dataFrame(1, BYTES), encode.open(2, OPEN)]],
  ],
  "DATA right behind a flow's OPEN": [
    "DATA on a flow of datagrams",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(1)), dataFrame(1, BYTES)]],
  ],
  "END twice on a flow": [
    "END behind END",
    ({ datagrams }) => [[datagrams, encode.open(1, flowOpen(1)), encode.end(1), encode.end(1)]],
  ],
};

for (const [what, [reason, records]] of Object.entries(BY_CLIENT)) {
  Deno.test(`${what} from the client aborts the association, and nothing behind it is used`, async () => {
    const pair = new FlowPair(), { handlers } = pair, client = await HostileClient.meet(handlers);
    let connected = 0;
    handlers.targets.accept().then((connection) => connection !== null && connected++);
    for (const frames of records(client)) {
      assertEquals(client.association.ended, false);
      await client.peer.send(...frames).catch(() => {});
      await pair.flow();
    }
    assertEquals(lineOf(handlers.serverLines, "association failed").reason, reason);
    assertEquals([handlers.server.associations, handlers.server.activity.sessions.size, connected], [0, 0, 0]);
    client.end();
    await pair.close();
  });
}

Deno.test("CREDIT, BLOCKED and PING around a flow change nothing", async () => {
  const pair = new FlowPair(), client = await HostileClient.meet(pair.handlers);
  await client.peer.send(client.datagrams, encode.open(1, flowOpen(9)), encode.credit(1, 1000), encode.blocked(1));
  await pair.flow();
  assertEquals(client.results(), new Map([[1, ResultCode.Ok]]));
  await client.peer.send(encode.blocked(1), encode.ping(), encode.credit(1, 1));
  assert(client.send(9, "still"));
  await pair.flow();
  assertEquals(pair.target.texts, ["still"]);
  client.end();
  await pair.close();
});

Deno.test("a flow's number is free at once when the flow is reset, and what comes is the new one's", async () => {
  const pair = new FlowPair(), client = await HostileClient.meet(pair.handlers);
  await client.peer.send(client.datagrams, encode.open(1, flowOpen(7)));
  await pair.flow();
  client.results();
  client.send(7, "of the first");
  await pair.flow();
  await client.peer.send(encode.reset(1, ResetCode.Application), encode.open(2, flowOpen(7)));
  await pair.flow();
  assertEquals(client.results(), new Map([[1, ResultCode.Ok], [2, ResultCode.Ok]]));
  client.send(7, "of the second");
  await pair.flow();
  assertEquals(pair.target.texts, ["of the first", "of the second"]);
  assertEquals(new Set(pair.target.got.map(({ from }) => from.port)).size, 2);
  assertEquals(pair.handlers.server.activity.sessions.size, 1);
  client.end();
  await pair.close();
});

Deno.test("flows beyond the client's places abort the association, and those beyond the sessions are refused", async () => {
  const pair = new FlowPair({ server: "limits: {sessions: 5}" }), { handlers } = pair;
  const client = await HostileClient.meet(handlers), before = handlers.datagrams.openSockets;
  await client.peer.send(
    client.datagrams,
    ...Array.from({ length: 100 }, (_, at) => encode.open(at + 1, flowOpen(at + 1))),
  );
  await pair.flow();
  const codes = [...client.results().values()];
  const counts = [ResultCode.Ok, ResultCode.Overloaded].map((code) => codes.filter((one) => one === code).length);
  assertEquals(counts, [5, 95]);
  assertEquals(handlers.datagrams.openSockets - before, 5);
  await client.peer.send(...Array.from({ length: 5000 }, (_, at) => encode.open(at + 101, flowOpen(at + 101)))).catch(
    () => {},
  );
  await pair.flow();
  assertEquals(
    lineOf(handlers.serverLines, "association failed").reason,
    "OPEN beyond the number of streams granted",
  );
  assertEquals(handlers.datagrams.openSockets, before);
  client.end();
  await pair.close();
});

Deno.test("a flow that the client never ends is reset a second after the server has ended it", async () => {
  const pair = new FlowPair({ server: "timeouts: {flow: 60s}" }), { handlers: { clock, server } } = pair;
  const client = await HostileClient.meet(pair.handlers);
  await client.peer.send(client.datagrams, encode.open(1, flowOpen(1)));
  await pair.flow();
  // PINGs keep the association alive meanwhile.
  for (let second = 0; second < 122; second++) {
    await client.peer.send(encode.ping());
    await clock.advance(1000);
  }
  assertEquals(typesOf(client.peer, 1), ["Result", "End", "Reset"]);
  assertEquals(server.activity.sessions.size, 0);
  client.end();
  await pair.close();
});

Deno.test("DATAGRAMS from a server is refused if it was not asked for, or comes twice, or not for all channels", async () => {
  for (
    const [reason, ...frames] of [
      ["DATAGRAMS for 2 of 3 channels", means(2)],
      ["DATAGRAMS for 16 of 3 channels", means(16)],
      ["a second DATAGRAMS", means(3), means(3)],
    ] as const
  ) {
    const server = new HostileServer(), application = new DatagramProgram(server, { host: "127.0.0.1", port: 0 });
    application.send("question", UDP_FORWARD);
    await server.meet();
    await flowing(server.datagrams);
    await server.peer.send(...frames).catch(() => {});
    await flowing(server.datagrams);
    assertEquals(server.failures, [reason]);
    application.socket.close();
    assertEquals(await server.close(), [0, 0, 0], reason);
  }
  const server = new HostileServer(), connection = await server.network.connect({ host: "127.0.0.1", port: 8080 });
  await server.meet();
  await flowing(server.datagrams);
  await server.peer.send(means(3));
  await flowing(server.datagrams);
  assertEquals(server.failures, ["DATAGRAMS that were not asked for"]);
  connection.close();
  assertEquals(await server.close(), [0, 0, 0]);
});

Deno.test("DATA of a server on a flow aborts the association, and the flow goes on elsewhere or ends", async () => {
  const server = new HostileServer(), application = new DatagramProgram(server, { host: "127.0.0.1", port: 0 });
  application.send("question", UDP_FORWARD);
  await server.meet();
  await flowing(server.datagrams);
  await server.peer.send(means(3), encode.result(1, ResultCode.Ok), dataFrame(1, BYTES)).catch(() => {});
  await flowing(server.datagrams);
  assertEquals(server.failures, ["DATA on a flow of datagrams"]);
  application.socket.close();
  assertEquals(await server.close(), [0, 0, 0]);
});

Deno.test("a server that admits a flow without DATAGRAMS gets no packet, and what is dropped is counted", async () => {
  const server = new HostileServer(), application = new DatagramProgram(server, { host: "127.0.0.1", port: 0 });
  let packets = 0;
  application.send("question", UDP_FORWARD);
  await server.meet();
  await flowing(server.datagrams);
  await server.peer.send(encode.result(1, ResultCode.Ok));
  await flowing(server.datagrams);
  server.datagrams.pass = (packet) => {
    if (packet.to[4] !== UDP_FORWARD.port) packets++;
    return [packet];
  };
  application.send("more", UDP_FORWARD);
  await flowing(server.datagrams);
  assertEquals([packets, server.client.activity.datagrams.noFlow], [0, 2]);
  application.socket.close();
  assertEquals(await server.close(), [0, 0, 0]);
});

Deno.test("a flow that the server never ends is reset a second after the client has ended it", async () => {
  const server = new HostileServer("timeouts: {flow: 12s, idle: 1000s, silence: 1000s, ping: 900s}");
  const application = new DatagramProgram(server, { host: "127.0.0.1", port: 0 });
  application.send("question", UDP_FORWARD);
  await server.meet();
  await flowing(server.datagrams);
  await server.peer.send(means(3), encode.result(1, ResultCode.Ok));
  await flowing(server.datagrams);
  assertEquals(server.client.levels().pool, { idle: 0, busy: 1, warming: 0 });
  await server.clock.advance(4000);
  assertEquals(typesOf(server.peer, 1), ["Open", "End", "Reset"]);
  assertEquals([server.client.levels().pool, server.client.sessions], [{ idle: 1, busy: 0, warming: 0 }, 0]);
  application.socket.close();
  assertEquals(await server.close(), [0, 0, 0]);
});

Deno.test("a server without UDP targets refuses flows; with some from a reload on, the same association carries them", async () => {
  const pair = new FlowPair({ server: "" }, {}, { udpTargets: false }), { handlers } = pair;
  const client = await HostileClient.meet(handlers), before = handlers.datagrams.openSockets;
  await client.peer.send(client.datagrams, encode.open(1, flowOpen(1)), encode.open(2, OPEN));
  const target = await handlers.targets.accept();
  await pair.flow();
  assertEquals(client.results(), new Map([[1, ResultCode.NotAllowed], [2, ResultCode.Ok]]));
  assertEquals(handlers.datagrams.openSockets, before);
  pair.reloadServer();
  await client.peer.send(encode.open(3, flowOpen(1)));
  await pair.flow();
  assertEquals(client.results().get(3), ResultCode.Ok);
  client.send(1, "now");
  await pair.flow();
  assertEquals(pair.target.texts, ["now"]);
  assertEquals([client.association.ended, pair.target.socket.address], [false, UDP_TARGET]);
  client.end();
  await pair.flow();
  target!.close();
  await pair.close();
});

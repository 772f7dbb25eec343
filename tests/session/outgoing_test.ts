import { assertEquals } from "@std/assert";
import { writeAll } from "../../src/net/connection.ts";
import { ApplicationError } from "../../src/session/application_error.ts";
import { Incoming } from "../../src/session/incoming.ts";
import { Outgoing } from "../../src/session/outgoing.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { settle } from "../support/time/fake_clock.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { applicationPair, associatedPair } from "../support/handlers/pair.ts";
import { OPEN, pumped, streamsOptions } from "../support/handlers/session_pair.ts";

const PIECES = ["who ", "is there?"].map((text) => new TextEncoder().encode(text));

/** A stream to a server that is played by hand. */
async function openStream() {
  const { client, server, clock, network } = await associatedPair(3);
  const streams = new Multiplexer(client, streamsOptions(clock)), peer = new FramePeer(server);
  const stream = streams.open(OPEN, new Incoming({ sent: 0, received: 0 }));
  await peer.next(FrameType.Open);
  const finish = async () => {
    client.end();
    server.end();
    await settle();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  };
  return { client, server, streams, stream, peer, finish };
}

Deno.test("bytes resent on another association are counted once", async () => {
  const [first, second] = [await openStream(), await openStream()];
  const [application, inside] = await applicationPair();
  const traffic = { sent: 0, received: 0 };
  const outgoing = new Outgoing(inside, traffic, true);
  outgoing.pump(first.stream);
  await application.write(PIECES[0]!);
  await first.peer.next(FrameType.Data);
  await writeAll(application, new Uint8Array(65_536 - PIECES[0]!.length));
  for (let left = 65_536 - PIECES[0]!.length; left > 0;) left -= (await first.peer.next(FrameType.Data)).bytes.length;
  first.server.abort();
  await settle();
  await application.write(PIECES[1]!);
  const over = pumped(outgoing, second.stream);
  let resent = 0;
  while (resent < 65_536) resent += (await second.peer.next(FrameType.Data)).bytes.length;
  assertEquals(traffic.sent, 65_536);
  // More is not kept: the rest is read once the session is confirmed.
  assertEquals(await second.peer.drain(), []);
  await second.peer.send(encode.result(1, ResultCode.Ok), encode.credit(1, 100));
  outgoing.confirm();
  assertEquals((await second.peer.next(FrameType.Data)).bytes, PIECES[1]);
  await application.closeWrite();
  await second.peer.next(FrameType.End);
  await over;
  assertEquals(traffic.sent, 65_536 + PIECES[1]!.length);
  application.close();
  inside.close();
  await first.finish();
  await second.finish();
});

Deno.test("an end behind bytes that wait is resent on another association too", async () => {
  const [first, second] = [await openStream(), await openStream()];
  const [application, inside] = await applicationPair();
  await writeAll(application, PIECES[0]!);
  await application.closeWrite();
  const outgoing = new Outgoing(inside, { sent: 0, received: 0 }, true);
  for (const { stream, peer } of [first, second]) {
    await pumped(outgoing, stream);
    assertEquals((await peer.next(FrameType.Data)).bytes, PIECES[0]);
    await peer.next(FrameType.End);
  }
  application.close();
  inside.close();
  await first.finish();
  await second.finish();
});

for (const said of [new Uint8Array(0), PIECES[0]!]) {
  Deno.test(`an application that resets between two associations, ${said.length} bytes said, ends the session`, async () => {
    const [first, second] = [await openStream(), await openStream()];
    const [application, inside] = await applicationPair();
    const outgoing = new Outgoing(inside, { sent: 0, received: 0 }, true);
    outgoing.pump(first.stream);
    if (said.length > 0) {
      await application.write(said);
      await first.peer.next(FrameType.Data);
    }
    await first.peer.send(encode.result(1, ResultCode.NotProcessed, "the handler is ending"));
    await settle();
    application.reset();
    await settle();
    let error: unknown = null;
    pumped(outgoing, second.stream).catch((cause) => error = cause);
    await settle();
    assertEquals(error instanceof ApplicationError, true, `${error}`);
    inside.reset();
    await first.finish();
    await second.finish();
  });
}

Deno.test("at most 64 KiB and one piece are read before the session is confirmed", async () => {
  const { stream, peer, finish } = await openStream();
  const [application, inside] = await applicationPair();
  const traffic = { sent: 0, received: 0 };
  const outgoing = new Outgoing(inside, traffic, true);
  const over = pumped(outgoing, stream);
  await peer.send(encode.result(1, ResultCode.Ok), encode.credit(1, 10_000_000));
  const writing = writeAll(application, new Uint8Array(1_000_000)).then(() => application.closeWrite());
  for (let i = 0; i < 50; i++) await settle();
  const kept = traffic.sent;
  assertEquals(kept >= 65_536 && kept < 2 * 65_536, true, `${kept}`);
  outgoing.confirm();
  await Promise.all([writing, over]);
  assertEquals(traffic.sent, 1_000_000);
  application.close();
  inside.close();
  await finish();
});

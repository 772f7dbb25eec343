import { assertEquals, assertRejects } from "@std/assert";
import { ChannelError } from "../../src/association/association.ts";
import { writeAll } from "../../src/net/connection.ts";
import { Outgoing } from "../../src/session/outgoing.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { settle } from "../support/time/fake_clock.ts";
import { applicationPair } from "../support/handlers/pair.ts";
import { due, finishPair, sessionPair } from "../support/handlers/session_pair.ts";

const OPEN = { destination: { kind: "port", port: 80 } } as const;
const PIECES = ["who ", "is there?"].map((text) => new TextEncoder().encode(text));

Deno.test("bytes resent on another association are counted once", async () => {
  const first = await sessionPair();
  const second = { ...await sessionPair(), outside: first.outside };
  const [application, inside] = await applicationPair(first.outside);
  const traffic = { sent: 0, received: 0 };
  const outgoing = new Outgoing(inside, traffic, true);
  await first.clientFrames.send((encoder) => encoder.open(OPEN));
  first.server.abort();
  const failing = assertRejects(() => outgoing.pump(first.clientFrames), ChannelError);
  // The channels' failure surfaces in the write after the one that failed.
  for (const piece of PIECES) {
    await application.write(piece);
    await settle();
  }
  await failing;
  assertEquals(traffic.sent, PIECES[0]!.length);
  await second.clientFrames.send((encoder) => encoder.open(OPEN));
  const pumped = outgoing.pump(second.clientFrames);
  await due(second.serverFrames, FrameType.Open);
  for (const piece of PIECES) assertEquals((await due(second.serverFrames, FrameType.Data)).bytes, piece);
  await application.closeWrite();
  await due(second.serverFrames, FrameType.End);
  await pumped;
  assertEquals(traffic.sent, PIECES[0]!.length + PIECES[1]!.length);
  await finishPair(first, application, inside);
  await finishPair(second);
});

Deno.test("bytes that are available with their end leave in one piece with END, up to a length", async () => {
  for (const [length, writes] of [[1, 1], [400, 1], [512, 2], [5_000, 1], [60_000, 1], [100_000, 3]] as const) {
    const pair = await sessionPair();
    const [application, inside] = await applicationPair(pair.outside);
    const writing = writeAll(application, new Uint8Array(length)).then(() => application.closeWrite());
    const traffic = { sent: 0, received: 0 };
    await pair.clientFrames.send((encoder) => encoder.open(OPEN));
    const pumped = new Outgoing(inside, traffic).pump(pair.clientFrames);
    await due(pair.serverFrames, FrameType.Open);
    for (let rest: number = length; rest > 0;) rest -= (await due(pair.serverFrames, FrameType.Data)).bytes.length;
    await due(pair.serverFrames, FrameType.End);
    await Promise.all([pumped, writing]);
    assertEquals([traffic.sent, pair.clientFrames.sent], [length, 1 + writes]);
    await finishPair(pair, application, inside);
  }
});

Deno.test("an end coalesced with a short piece is resent on another association too", async () => {
  const first = await sessionPair();
  const second = { ...await sessionPair(), outside: first.outside };
  const [application, inside] = await applicationPair(first.outside);
  await writeAll(application, PIECES[0]!);
  await application.closeWrite();
  const outgoing = new Outgoing(inside, { sent: 0, received: 0 }, true);
  await first.clientFrames.send((encoder) => encoder.open(OPEN));
  await outgoing.pump(first.clientFrames);
  await second.clientFrames.send((encoder) => encoder.open(OPEN));
  await outgoing.pump(second.clientFrames);
  for (const { serverFrames } of [first, second]) {
    await due(serverFrames, FrameType.Open);
    assertEquals((await due(serverFrames, FrameType.Data)).bytes, PIECES[0]);
    await due(serverFrames, FrameType.End);
  }
  await finishPair(first, application, inside);
  await finishPair(second);
});

import { assertEquals, assertRejects } from "@std/assert";
import { ChannelError } from "../../src/association/association.ts";
import { Outgoing } from "../../src/session/outgoing.ts";
import { FrameType } from "../../src/wire/frame.ts";
import { settle } from "../support/fake_clock.ts";
import { applicationPair } from "../support/pair.ts";
import { due, finishPair, sessionPair } from "../support/session_pair.ts";

const OPEN = { destination: { kind: "port", port: 80 } } as const;
const PIECES = ["who ", "is there?"].map((text) => new TextEncoder().encode(text));

Deno.test("what goes to another association is counted once, whether the first one took it or not", async () => {
  const first = await sessionPair();
  const second = { ...await sessionPair(), outside: first.outside };
  const [application, inside] = await applicationPair(first.outside);
  const traffic = { sent: 0, received: 0 };
  const outgoing = new Outgoing(inside, traffic, true);
  await first.clientFrames.send((encoder) => encoder.open(OPEN));
  first.server.abort();
  const failing = assertRejects(() => outgoing.pump(first.clientFrames), ChannelError);
  // The channels' failure shows in the write after the one that met it.
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

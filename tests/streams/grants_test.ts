/** The number of streams that a client may open, and BYE. */
import { assert, assertEquals } from "@std/assert";
import { FrameType, INITIAL_STREAMS, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { fc } from "../support/random/property.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { bothSides, byHand, end, open, quiet } from "./sides.ts";

Deno.test("a client opens as many streams as were granted, and more at STREAMS", async () => {
  const { side, peer, finish } = await byHand("client");
  let grown = 0;
  side.streams.grown = () => grown++;
  for (let count = 1; count <= INITIAL_STREAMS; count++) {
    assertEquals(side.streams.usable, true);
    open(side);
  }
  assertEquals([side.streams.usable, grown], [false, 0]);
  assertEquals((await peer.drain()).length, INITIAL_STREAMS);
  await peer.send(encode.streams(INITIAL_STREAMS));
  await quiet();
  assertEquals(side.streams.usable, false);
  await peer.send(encode.streams(INITIAL_STREAMS + 1));
  await quiet();
  assertEquals([side.streams.usable, grown], [true, 2]);
  open(side);
  assertEquals([side.streams.usable, (await peer.next(FrameType.Open)).stream], [false, INITIAL_STREAMS + 1]);
  await finish();
});

Deno.test("a server grants more only as places are released, not when streams are over", async () => {
  const { side, peer, finish } = await byHand("server", { maxStreams: () => 128 });
  for (let number = 1; number <= 128; number++) await peer.send(encode.open(number, OPEN));
  for (let number = 1; number <= 100; number++) await peer.send(encode.reset(number, ResetCode.Application));
  await quiet();
  assertEquals([side.streams.size, await peer.drain()], [28, []]);
  let limit = INITIAL_STREAMS;
  const listen = async () => {
    await quiet();
    for (const frame of peer.heard.splice(0)) limit = frame.type === FrameType.Streams ? frame.limit : -1;
  };
  for (let count = 0; count < 3; count++) side.streams.release();
  await listen();
  assert(limit > 128 && limit <= 131, `${limit}`);
  for (let number = 129; number <= 131; number++) {
    assert(number <= limit);
    await peer.send(encode.open(number, OPEN));
    await listen();
  }
  assertEquals([side.association.ended, side.streams.size, limit], [false, 31, 131]);
  await peer.send(encode.open(132, OPEN));
  await quiet();
  assertEquals(side.association.ended, true);
  await finish();
});

Deno.test("few streams cost no STREAMS; a client that opens many never waits while there is room", async () => {
  const { side, peer, finish } = await byHand("server", { maxStreams: () => 1000 });
  let limit = INITIAL_STREAMS, grants = 0;
  for (let number = 1; number <= 4000; number++) {
    assert(number <= limit, `stream ${number} waits`);
    await peer.send(encode.open(number, OPEN), encode.reset(number, ResetCode.Application));
    await quiet();
    side.streams.release();
    await quiet();
    for (const frame of peer.heard.splice(0)) {
      if (frame.type !== FrameType.Streams) continue;
      assert(frame.limit > limit && frame.limit <= number + 1000);
      limit = frame.limit;
      grants++;
    }
    if (number === 63) assertEquals(grants, 0);
  }
  assert(grants > 4 && grants < 15, `${grants} grants`);
  await finish();
});

Deno.test("with any order of opening and releasing, at most the maximum is held, and the client is never stuck", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 128, max: 400 }),
      fc.array(fc.nat(99), { maxLength: 60 }),
      async (max, steps) => {
        const { side, peer, finish } = await byHand("server", { maxStreams: () => max });
        let limit = INITIAL_STREAMS, opened = 0, released = 0;
        const listen = async () => {
          await quiet();
          for (const frame of peer.heard.splice(0)) if (frame.type === FrameType.Streams) limit = frame.limit;
          assert(limit <= released + max, "more than the maximum");
        };
        for (const step of steps) {
          const many = step % 2 === 0 ? Math.min(step, limit - opened) : Math.min(step, opened - released);
          for (let count = 0; count < many; count++) {
            if (step % 2 === 0) await peer.send(encode.open(++opened, OPEN));
            else {
              side.streams.release();
              released++;
            }
          }
          await listen();
          if (opened - released < max) assert(limit > opened, "stuck though there is room");
        }
        await finish();
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("at BYE, streams above the last are not processed, the others go on, and no more are opened", async () => {
  const { side, peer, finish } = await byHand("client");
  const streams = [open(side), open(side), open(side)];
  let grown = 0;
  side.streams.grown = () => grown++;
  await peer.send(encode.result(1, ResultCode.Ok), encode.bye(1));
  await quiet();
  assertEquals(side.receivers.map(({ events }) => events), [
    ["answered"],
    ["the handler is ending"],
    ["the handler is ending"],
  ]);
  assertEquals(streams.map(({ over }) => over), [false, true, true]);
  assertEquals([side.streams.usable, side.streams.leaving, grown, side.association.ended], [false, true, 1, false]);
  await peer.drain();
  await peer.send(dataFrame(1, Uint8Array.of(1)), encode.end(1));
  end(streams[0]!);
  await quiet();
  assertEquals([await peer.drain(), side.receivers[0]!.bytes.length, side.streams.size], [["END"], 1, 0]);
  await finish();
});

Deno.test("at BYE without streams a client is told, so that it can end the association", async () => {
  let changes = 0;
  const { side, peer, finish } = await byHand("client", { changed: () => changes++ });
  open(side).reset(ResetCode.Application);
  assertEquals(changes, 2);
  await peer.send(encode.bye(1));
  await quiet();
  assertEquals([changes, side.streams.size, side.streams.leaving], [3, 0, true]);
  await finish();
});

Deno.test("after BYE a server ignores all frames of streams above the last, and goes on with the others", async () => {
  const { side, peer, finish } = await byHand("server");
  await peer.send(encode.open(1, OPEN), encode.open(2, OPEN));
  await quiet();
  side.streams.leave();
  side.streams.leave();
  assertEquals((await peer.next(FrameType.Bye)).last, 2);
  await peer.send(encode.open(3, OPEN), dataFrame(3, new Uint8Array(60_000)));
  await peer.send(dataFrame(3, new Uint8Array(60_000)));
  await peer.send(encode.end(3), encode.end(3), encode.open(9, OPEN), encode.reset(12, ResetCode.Limit));
  await peer.send(dataFrame(2, Uint8Array.of(7)), encode.ping());
  assertEquals(await peer.drain(), ["PONG"]);
  assertEquals([side.receivers.length, side.receivers[1]!.bytes], [2, Uint8Array.of(7)]);
  assertEquals([side.association.ended, side.streams.size], [false, 2]);
  await finish();
});

Deno.test("a server that leaves before the first OPEN says nothing until one comes, and then BYE with 0, once", async () => {
  const { side, peer, finish } = await byHand("server", { workers: { count: 2, id: new Uint8Array(16) } });
  side.streams.leave();
  assertEquals(await peer.drain(), []);
  await peer.send(encode.open(1, OPEN), dataFrame(1, Uint8Array.of(1)), encode.open(2, OPEN), encode.end(1));
  assertEquals(await peer.drain(), ["WORKERS", "BYE"]);
  assertEquals([side.receivers.length, side.association.ended], [0, false]);
  await finish();
});

Deno.test("an OPEN that crosses BYE is told to be not processed", async () => {
  const { up, down, finish } = await bothSides();
  open(up);
  await quiet();
  down.streams.leave();
  open(up);
  await quiet();
  assertEquals(up.receivers.map(({ events }) => events), [[], ["the handler is ending"]]);
  assertEquals([down.receivers.length, up.association.ended, up.streams.size], [1, false, 1]);
  await finish();
});

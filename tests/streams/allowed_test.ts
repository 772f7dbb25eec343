/** Frames without effect, and frames of the association: PING, WORKERS. */
import { assertEquals } from "@std/assert";
import { FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode, writeFrameHead } from "../../src/wire/frame_encoder.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { bothSides, byHand, end, open, quiet, Receiver, send } from "./sides.ts";

const BYTES = Uint8Array.of(1, 2, 3);
const WORKERS = { count: 2, id: new Uint8Array(16).fill(5) };
const { Ok, Refused } = ResultCode;

/** Frames that a peer may still send on stream 1 once that is over. */
const LATE = [
  dataFrame(1, BYTES),
  dataFrame(1, new Uint8Array(65_000)),
  encode.credit(1, 2 ** 31 - 1),
  encode.blocked(1),
  encode.end(1),
  dataFrame(1, BYTES),
  encode.reset(1, ResetCode.Limit),
  encode.reset(1, ResetCode.Application),
];

Deno.test("frames on a stream that is over are ignored, however it ended", async () => {
  for (const role of ["client", "server"] as const) {
    for (const how of ["both ends", "own reset", "their reset", "refused"]) {
      const { side, peer, finish } = await byHand(role);
      if (role === "client") open(side);
      else await peer.send(encode.open(1, OPEN));
      await quiet();
      const { stream, events } = side.receivers[0]!;
      if (role === "client") await peer.send(encode.result(1, how === "refused" ? Refused : Ok, "no"));
      else stream.answer(how === "refused" ? Refused : Ok, "no");
      if (how === "own reset") stream.reset(ResetCode.Application);
      if (how === "their reset") await peer.send(encode.reset(1, ResetCode.Application));
      if (how === "both ends") {
        await peer.send(encode.end(1));
        end(stream);
      }
      await quiet();
      assertEquals([stream.over, side.streams.size], [true, 0], `${role}, ${how}`);
      const before = [...events];
      await peer.drain();
      for (const frame of LATE) await peer.send(frame);
      await peer.send(...LATE.slice(0, 1), ...role === "client" ? [encode.result(1, Ok)] : []);
      await quiet();
      assertEquals([side.association.ended, events, await peer.drain()], [false, before, []], `${role}, ${how}`);
      assertEquals(side.receivers[0]!.bytes.length, 0);
      await finish();
    }
  }
});

Deno.test("an unasked PONG, and BLOCKED and CREDIT that were not needed, have no effect", async () => {
  for (const role of ["client", "server"] as const) {
    const { side, peer, finish } = await byHand(role);
    if (role === "client") open(side);
    await peer.send(role === "client" ? encode.result(1, Ok) : encode.open(1, OPEN));
    await quiet();
    await peer.drain();
    await peer.send(encode.pong(BYTES), encode.credit(1, 1), encode.credit(1, 2 ** 31 - 65_538));
    for (let round = 0; round < 3; round++) await peer.send(encode.blocked(1), encode.blocked(1));
    await quiet();
    assertEquals([side.association.ended, side.streams.size, await peer.drain()], [false, 1, []]);
    await finish();
  }
});

Deno.test("bad UTF-8 in the text of RESULT is read with U+FFFD", async () => {
  const { side, peer, finish } = await byHand("client");
  open(side);
  const frame = new Uint8Array(7 + 4);
  writeFrameHead(frame, 0, FrameType.Result, 1, 4);
  frame.set([Refused, 0x61, 0xff, 0x62], 7);
  await peer.send(frame);
  await quiet();
  assertEquals(side.receivers[0]!.events, ["a\ufffdb"]);
  await finish();
});

Deno.test("the text of RESULT leaves in at most 200 bytes", async () => {
  const { side, peer, finish } = await byHand("server");
  await peer.send(encode.open(1, OPEN));
  await quiet();
  side.receivers[0]!.stream.answer(Refused, "é".repeat(150));
  assertEquals((await peer.next(FrameType.Result)).text, "é".repeat(100));
  await finish();
});

Deno.test("PING is answered by PONG with its payload, and by a server not before the first OPEN", async () => {
  const { side, peer, finish } = await byHand("server");
  await peer.send(encode.ping(BYTES));
  assertEquals(await peer.drain(), []);
  await peer.send(encode.open(1, OPEN), encode.ping(BYTES));
  assertEquals((await peer.next(FrameType.Pong)).payload, BYTES);
  await peer.send(encode.ping());
  assertEquals((await peer.next(FrameType.Pong)).payload, new Uint8Array());
  side.streams.ping();
  await peer.next(FrameType.Ping);
  await finish();
});

Deno.test("PINGs that come faster than their answers leave get one answer", async () => {
  const { peer, finish } = await byHand("server");
  await peer.send(encode.open(1, OPEN), ...Array.from({ length: 5000 }, () => encode.ping()));
  assertEquals(await peer.drain(), ["PONG"]);
  await peer.send(encode.ping());
  assertEquals(await peer.drain(), ["PONG"]);
  await finish();
});

Deno.test("WORKERS is the first frame of a direction, once, and only where there is something to name", async () => {
  for (const role of ["client", "server"] as const) {
    for (const workers of [WORKERS, null]) {
      const { side, peer, finish } = await byHand(role, { workers });
      if (role === "client") open(side);
      await peer.send(role === "client" ? encode.workers(WORKERS) : encode.open(1, OPEN));
      await quiet();
      if (role === "server") side.receivers[0]!.stream.answer(Ok);
      side.streams.ping();
      const first = workers === null ? [] : ["WORKERS"];
      assertEquals(await peer.drain(), [...first, role === "client" ? "OPEN" : "RESULT", "PING"]);
      assertEquals(side.streams.workers, role === "client" ? WORKERS : null);
      await finish();
    }
  }
});

Deno.test("a side is told of the first and the last stream", async () => {
  const changes: string[] = [];
  const { up, down, finish } = await bothSides({
    changed: (streams) => changes.push(`${streams === up.streams ? "client" : "server"} ${streams.size}`),
  });
  const streams = [open(up), open(up)];
  await quiet();
  assertEquals(changes.splice(0), ["client 1", "server 1"]);
  for (const { stream } of down.receivers) stream.answer(Ok);
  await quiet();
  streams[0]!.reset(ResetCode.Application);
  await quiet();
  assertEquals(changes, []);
  streams[1]!.reset(ResetCode.Application);
  await quiet();
  assertEquals(changes.splice(0), ["client 0", "server 0"]);
  await finish();
  assertEquals(changes, []);
});

Deno.test("the end of the association, in order or not, fails every open stream", async () => {
  for (const how of ["end", "abort"] as const) {
    for (const by of ["client", "server"] as const) {
      const pair = await bothSides();
      for (let count = 0; count < 3; count++) open(pair.up);
      await quiet();
      pair[by][how]();
      await quiet();
      const own = pair[by === "client" ? "up" : "down"], other = pair[by === "client" ? "down" : "up"];
      for (const { events } of own.receivers) assertEquals(events, ["the handler is ending"]);
      for (const { events } of other.receivers) {
        assertEquals([events.length, /^channel \d/.test(events[0]!)], [1, true], `${events}`);
      }
      await pair.finish();
    }
  }
});

Deno.test("end() lets all that was sent arrive first, and waits a second at most", async () => {
  const { up, down, clock, finish } = await bothSides();
  const stream = open(up);
  await send(stream, new Uint8Array(40_000));
  const ended = end(stream);
  void up.streams.end();
  await ended;
  await quiet();
  assertEquals([down.receivers[0]!.bytes.length, down.receivers[0]!.events[0]], [40_000, "ended"]);
  assertEquals([up.association.ended, clock.pending], [true, 0]);
  await finish();

  const stuck = await bothSides({ receiver: () => new Receiver(false) });
  const blocked = open(stuck.up);
  send(blocked, new Uint8Array(100_000)).catch(() => {});
  await quiet();
  stuck.up.association.connections[0]!.write = () => new Promise(() => {});
  stuck.up.streams.ping();
  const over = stuck.up.streams.end();
  await stuck.clock.advance(999);
  assertEquals(stuck.up.association.ended, false);
  await stuck.clock.advance(1);
  await over;
  assertEquals(stuck.up.association.ended, true);
  await stuck.finish();
});

/** Sessions that end in order, in sequence, and refused sessions. */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { writeAll } from "../../src/net/connection.ts";
import { PendingRequests, refuse, TargetError } from "../../src/session/session.ts";
import { FRAME_HEAD_LENGTH, FrameType, ResultCode } from "../../src/wire/frame.ts";
import { settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair, readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { ask, due, finishPair, sessionPair, startSession } from "../support/handlers/session_pair.ts";

Deno.test("a session carries all bytes in both directions, with any sizes, fragmentation and number of channels", async () => {
  await forSeeds(15, async (random) => {
    const chunk = (available: number) => random.below(available);
    const capacity = random.pick([300, 5000, 65536, 300_000]);
    const pair = await sessionPair(
      random.between(2, 5),
      new MemoryNetwork({ capacity, chunk }),
      new MemoryNetwork({ capacity: random.pick([100, 65536, 300_000]), chunk }),
    );
    const [up, down] = [random.bytes(random.below(60_000)), random.bytes(random.below(60_000))];
    const { application, target, client, server, ...traffic } = await startSession(pair);
    const [gotUp, gotDown] = await Promise.all([
      readAll(target),
      readAll(application),
      sendAll(application, up),
      sendAll(target, down),
    ]);
    assertEquals(gotUp, up);
    assertEquals(gotDown, down);
    assertEquals([await client, await server], [null, null]);
    assertEquals(traffic.up, { sent: up.length, received: down.length });
    assertEquals(traffic.down, { sent: down.length, received: up.length });
    await finishPair(pair, application, target);
  });
});

Deno.test("after the application's half-close the complete reply arrives, then the session ends in order", async () => {
  const pair = await sessionPair();
  const { application, target, client, server } = await startSession(pair);
  await sendAll(application, Uint8Array.of(1, 2, 3));
  assertEquals(await readAll(target), Uint8Array.of(1, 2, 3));
  await settle();
  const reply = new Random(1).bytes(300_000);
  const [got] = await Promise.all([readAll(application), sendAll(target, reply)]);
  assertEquals(got, reply);
  assertEquals([await client, await server], [null, null]);
  await finishPair(pair, application, target);
});

Deno.test("after the target's half-close the application's bytes still arrive, then the session ends in order", async () => {
  const pair = await sessionPair();
  const { application, target, client, server } = await startSession(pair);
  await sendAll(target, Uint8Array.of(4, 5));
  assertEquals(await readAll(application), Uint8Array.of(4, 5));
  await settle();
  const request = new Random(2).bytes(300_000);
  const [got] = await Promise.all([readAll(target), sendAll(application, request)]);
  assertEquals(got, request);
  assertEquals([await client, await server], [null, null]);
  await finishPair(pair, application, target);
});

Deno.test("a session in which neither side sends anything ends in order", async () => {
  const pair = await sessionPair(2);
  const { application, target, client, server } = await startSession(pair);
  await application.closeWrite();
  assertEquals(await readAll(target), new Uint8Array());
  await target.closeWrite();
  assertEquals(await readAll(application), new Uint8Array());
  assertEquals([await client, await server], [null, null]);
  await finishPair(pair, application, target);
});

Deno.test("the application's bytes follow the OPEN immediately, before any answer", async () => {
  const pair = await sessionPair();
  const [application, inside] = await applicationPair(pair.outside);
  const client = ask(pair, inside, undefined, 8443);
  await writeAll(application, Uint8Array.of(7, 8, 9));
  const { open } = await due(pair.serverFrames, FrameType.Open);
  assertEquals(open, { destination: { kind: "port", port: 8443 } });
  assertEquals((await due(pair.serverFrames, FrameType.Data)).bytes.slice(), Uint8Array.of(7, 8, 9));
  await pair.serverFrames.send((encoder) => encoder.result(ResultCode.Ok));
  await pair.serverFrames.send((encoder) => encoder.end());
  assertEquals(await readAll(application), new Uint8Array());
  await application.closeWrite();
  await due(pair.serverFrames, FrameType.End);
  assertEquals(await client, null);
  await finishPair(pair, application);
});

Deno.test("a lone OPEN leaves immediately; one of several waits 2 ms for the application's first bytes", async () => {
  const outside = new MemoryNetwork();
  const pending = new PendingRequests();
  const sessions = [];
  for (const [speaks, together] of [[true, false], [true, true], [false, false]] as const) {
    const pair = { ...await sessionPair(), outside };
    const [application, inside] = await applicationPair(outside);
    if (speaks) await writeAll(application, Uint8Array.of(7, 8, 9));
    const client = ask(pair, inside, undefined, undefined, pending);
    await due(pair.serverFrames, FrameType.Open);
    assertEquals(pair.serverFrames.more, together, `session ${sessions.length + 1}`);
    sessions.push({ pair, application, client });
  }
  for (const { pair, application, client } of sessions) {
    await pair.serverFrames.send((encoder) => encoder.result(ResultCode.Ok));
    await pair.serverFrames.send((encoder) => encoder.end());
    await application.closeWrite();
    assertEquals(await client, null);
  }
  for (const { pair, application } of sessions) await finishPair({ ...pair, outside: pair.network }, application);
  assertEquals(outside.openEnds, 0);
});

Deno.test("a refused session resets the application with the reason, and ends the association on both sides", async () => {
  const cases: [ResultCode, string, string][] = [
    [ResultCode.Refused, "the target refused the connection", "the target refused the connection"],
    [ResultCode.Overloaded, "", "overloaded"],
  ];
  for (const [code, text, message] of cases) {
    const pair = await sessionPair();
    const [application, inside] = await applicationPair(pair.outside);
    const client = ask(pair, inside);
    // Bytes are on their way when the refusal arrives; it must not be lost to a reset.
    const writing = writeAll(application, new Uint8Array(1_000_000)).catch(() => {});
    await due(pair.serverFrames, FrameType.Open);
    await refuse(pair.serverFrames, code, text, pair.clock);
    const error = await client;
    assertInstanceOf(error, TargetError);
    assertEquals([error.code, error.message], [code, message]);
    assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
    await writing;
    assertEquals([pair.client.ended, pair.server.ended], [true, true]);
    await finishPair(pair, application);
  }
});

Deno.test("a client that does not close after a refusal is cut off a second later, even while it sends", async () => {
  const pair = await sessionPair();
  await pair.clientFrames.send((encoder) => encoder.open({ destination: { kind: "port", port: 1 } }));
  await due(pair.serverFrames, FrameType.Open);
  let refused = false;
  const refusing = refuse(pair.serverFrames, ResultCode.NotAllowed, "no", pair.clock).then(() => refused = true);
  for (let i = 0; i < 50; i++) await pair.clientFrames.sendData(new Uint8Array(FRAME_HEAD_LENGTH + 1000));
  await pair.clock.advance(999);
  assertEquals(refused, false);
  await pair.clock.advance(1);
  await refusing;
  assertEquals(pair.server.ended, true);
  await finishPair(pair);
});

Deno.test("one association carries sessions in sequence", async () => {
  const pair = await sessionPair();
  const random = new Random(3);
  for (let round = 0; round < 30; round++) {
    const { application, target, client, server } = await startSession(pair);
    const [up, down] = [random.bytes(random.below(3000)), random.bytes(random.below(3000))];
    const [gotUp, gotDown] = await Promise.all([
      readAll(target),
      readAll(application),
      sendAll(application, up),
      sendAll(target, down),
    ]);
    assertEquals([gotUp, gotDown], [up, down]);
    assertEquals([await client, await server], [null, null]);
    application.close();
    target.close();
  }
  assertEquals([pair.client.ended, pair.server.ended], [false, false]);
  await finishPair(pair);
});

Deno.test("a session's end is not lost if the association ends right after it, even on slow channels", async () => {
  for (const capacity of [1, 100, 65536]) {
    const pair = await sessionPair(3, new MemoryNetwork({ capacity }));
    const { application, target, client, server } = await startSession(pair);
    await application.closeWrite();
    await readAll(target);
    const bytes = new Random(4).bytes(capacity === 1 ? 300 : 200_000);
    const reading = readToEnd(application);
    const ended = server.then((error) => {
      pair.server.end();
      return error;
    });
    await sendAll(target, bytes);
    const { bytes: got, error } = await reading;
    assertEquals([got.length, error, await ended, await client], [bytes.length, null, null, null]);
    await finishPair(pair, application, target);
  }
});

Deno.test("an application that does not read stops the target, and loses nothing", async () => {
  const pair = await sessionPair(2, new MemoryNetwork({ capacity: 10_000 }), new MemoryNetwork({ capacity: 10_000 }));
  const { application, target, client, server } = await startSession(pair);
  let written = 0;
  const total = 8_000_000;
  const sending = (async () => {
    const piece = new Uint8Array(50_000);
    while (written < total) written += await target.write(piece.subarray(0, Math.min(piece.length, total - written)));
    await target.closeWrite();
  })();
  for (let i = 0; i < 200; i++) await settle();
  assert(written < 2_500_000, `${written} bytes are somewhere between`);
  await application.closeWrite();
  const got = await readAll(application);
  assertEquals(got.length, total);
  await sending;
  assertEquals([await client, await server], [null, null]);
  await finishPair(pair, application, target);
});

Deno.test("any frame but RESULT in answer to OPEN violates the protocol", async () => {
  const pair = await sessionPair();
  const [application, inside] = await applicationPair(pair.outside);
  const client = ask(pair, inside);
  await due(pair.serverFrames, FrameType.Open);
  await pair.serverFrames.send((encoder) => encoder.end());
  assertStringIncludes((await client)!.message, "where RESULT was due");
  assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
  await finishPair(pair, application);
});

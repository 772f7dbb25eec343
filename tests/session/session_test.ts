/** Sessions that end in order, in sequence, and refused sessions. */
import { assert, assertEquals, assertInstanceOf, assertNotEquals } from "@std/assert";
import { writeAll } from "../../src/net/connection.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import { TargetError } from "../../src/streams/errors.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { applicationPair, associatedPair, readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { ask, finishPair, OPEN, sessionPair, startSession, streamsOptions } from "../support/handlers/session_pair.ts";

Deno.test("a session carries all bytes in both directions, with any sizes, fragmentation and number of channels", async () => {
  await forSeeds(10, async (random) => {
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

Deno.test("the application's bytes follow the OPEN immediately, in its record, before any answer", async () => {
  const { client, server, clock, network } = await associatedPair(3);
  const clientStreams = new Multiplexer(client, streamsOptions(clock)), peer = new FramePeer(server);
  const [application, inside] = await applicationPair(network);
  await writeAll(application, Uint8Array.of(7, 8, 9));
  const asked = ask({ clientStreams }, inside);
  assertEquals(await peer.next(FrameType.Open), { type: FrameType.Open, stream: 1, open: OPEN, record: 0 });
  const data = await peer.next(FrameType.Data);
  assertEquals([data.bytes, data.stream, data.record], [Uint8Array.of(7, 8, 9), 1, 0]);
  await peer.send(encode.result(1, ResultCode.Ok), encode.end(1));
  assertEquals(await readAll(application), new Uint8Array());
  await application.closeWrite();
  await peer.next(FrameType.End);
  assertEquals([await asked, clientStreams.size], [null, 0]);
  application.close();
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("a refused session resets the application with the reason, and the association goes on", async () => {
  const cases: [ResultCode, string, string][] = [
    [ResultCode.Refused, "the target refused the connection", "the target refused the connection"],
    [ResultCode.Overloaded, "", "overloaded"],
  ];
  for (const [code, text, message] of cases) {
    const pair = await sessionPair();
    const other = await startSession(pair);
    const [application, inside] = await applicationPair(pair.outside);
    const asked = ask(pair, inside);
    // Bytes are on their way when the refusal arrives; they have no effect.
    const writing = writeAll(application, new Uint8Array(1_000_000)).catch(() => {});
    const { stream } = await pair.opened();
    stream.answer(code, text);
    const error = await asked;
    assertInstanceOf(error, TargetError);
    assertEquals([error.code, error.message], [code, message]);
    assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
    await writing;
    await Promise.all([sendAll(other.application, new Uint8Array(5)), sendAll(other.target, new Uint8Array(6))]);
    assertEquals([(await readAll(other.target)).length, (await readAll(other.application)).length], [5, 6]);
    assertEquals([await other.client, await other.server, pair.client.ended, pair.server.ended], [
      null,
      null,
      false,
      false,
    ]);
    await finishPair(pair, application, other.application, other.target);
  }
});

Deno.test("sessions of one association run side by side, each with its own bytes, half-closes and end", async () => {
  await forSeeds(4, async (random) => {
    const pair = await sessionPair(3, new MemoryNetwork({ capacity: random.pick([9000, 65536]) }));
    await Promise.all(Array.from({ length: 30 }, async () => {
      const { application, target, client, server, up, down } = await startSession(pair);
      const [sent, answer] = [random.bytes(random.below(100_000)), random.bytes(random.below(100_000))];
      const [gotUp, gotDown] = await Promise.all([
        readAll(target),
        readAll(application),
        sendAll(application, sent),
        sendAll(target, answer),
      ]);
      assert(gotUp.toHex() === sent.toHex() && gotDown.toHex() === answer.toHex());
      assertEquals([await client, await server], [null, null]);
      assertEquals([up, down], [{ sent: sent.length, received: answer.length }, {
        sent: answer.length,
        received: sent.length,
      }]);
      application.close();
      target.close();
    }));
    assertEquals([pair.clientStreams.opened, pair.client.ended], [30, false]);
    await finishPair(pair);
  });
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

Deno.test("a session ends once its END has left: ending the association then loses nothing, even on slow channels", async () => {
  for (const capacity of [1, 100, 65536]) {
    const pair = await sessionPair(3, new MemoryNetwork({ capacity }));
    const { application, target, client, server } = await startSession(pair);
    await application.closeWrite();
    await readAll(target);
    const bytes = new Random(4).bytes(capacity === 1 ? 300 : 200_000);
    const reading = readToEnd(application);
    const ended = server.then((error) => {
      // Without the time that Multiplexer.end gives its last frames.
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

Deno.test("an application that does not read stops neither another session nor its own other direction", async () => {
  const pair = await sessionPair(2, new MemoryNetwork(), new MemoryNetwork({ capacity: 10_000 }));
  const stopped = await startSession(pair);
  const flood = writeAll(stopped.target, new Uint8Array(2_000_000)).catch(() => {});
  for (let i = 0; i < 50; i++) await settle();
  const { application, target, client, server } = await startSession(pair);
  const [got] = await Promise.all([
    readAll(application),
    sendAll(target, new Uint8Array(500_000)),
    readAll(target).then(
      (bytes) => assertEquals(bytes.length, 300_000),
    ),
    sendAll(application, new Uint8Array(300_000)),
  ]);
  assertEquals([got.length, await client, await server], [500_000, null, null]);
  await writeAll(stopped.application, Uint8Array.of(1));
  assertEquals(await stopped.target.read(new Uint8Array(5)), 1);
  stopped.application.reset();
  await flood;
  assertNotEquals(await stopped.client, null);
  assertNotEquals(await stopped.server, null);
  assertEquals([pair.client.ended, pair.server.ended], [false, false]);
  await finishPair(pair, application, target, stopped.application, stopped.target);
});

/** Sessions that are asked again on another association, or must not be. */
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { ApplicationError } from "../../src/session/application_error.ts";
import { Outgoing } from "../../src/session/outgoing.ts";
import { NotProcessedError, Requested, type RequestOptions } from "../../src/session/session.ts";
import type { Traffic } from "../../src/session/traffic.ts";
import { FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { forSeeds } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { applicationPair, associatedPair, readAll, sendAll } from "../support/handlers/pair.ts";
import {
  carried,
  finishPair,
  OPEN,
  serve,
  type SessionPair,
  sessionPair,
  streamsOptions,
} from "../support/handlers/session_pair.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";

const TEXT = new TextEncoder().encode("who is there?");

/** An association whose server is played by hand. */
async function byHand(outside: MemoryNetwork) {
  const pair = await associatedPair(3);
  const clientStreams = new Multiplexer(pair.client, streamsOptions(pair.clock));
  const finish = async () => {
    pair.client.end();
    pair.server.end();
    await settle();
    assertEquals([pair.network.openEnds, pair.clock.pending], [0, 0]);
  };
  return { ...pair, outside, clientStreams, peer: new FramePeer(pair.server), finish };
}

/** An application that sends bytes and half-closes, and a function that requests its session on an association. */
async function applicant(outside: MemoryNetwork, bytes = TEXT) {
  const [application, inside] = await applicationPair(outside);
  const sent = sendAll(application, bytes);
  const traffic: Traffic = { sent: 0, received: 0 };
  const outgoing = new Outgoing(inside, traffic, true);
  const ask = ({ clientStreams }: Pick<SessionPair, "clientStreams">, reused?: RequestOptions["reused"]) => {
    const incoming = new Requested(traffic);
    const stream = clientStreams.open(OPEN, incoming);
    return carried(inside, stream, incoming, { outgoing, ...reused && { reused } });
  };
  return { application, traffic, ask, sent };
}

/** An applicant whose bytes a fresh association has got and not processed. */
async function rejectedApplicant(outside: MemoryNetwork) {
  const first = await byHand(outside), requested = await applicant(outside);
  const rejected = requested.ask(first, "fresh");
  assertEquals(await first.peer.drain(), ["OPEN", "DATA", "END"]);
  await first.peer.send(encode.result(1, ResultCode.NotProcessed));
  await assertRejects(() => rejected, NotProcessedError);
  await first.finish();
  return requested;
}

/** Runs a session in which the target receives the bytes and sends nothing. */
async function session(
  asked: Promise<void>,
  pair: SessionPair,
  application: { close(): void },
  bytes = TEXT,
): Promise<void> {
  const [target, inside] = await applicationPair(pair.outside);
  const served = serve(pair, inside);
  assertEquals((await readAll(target)).toHex(), bytes.toHex());
  await target.closeWrite();
  await asked;
  assertEquals(await served, null);
  await finishPair(pair, target, application as typeof target);
}

const NOT_PROCESSED: Readonly<Record<string, Uint8Array>> = {
  "that crosses BYE": encode.bye(0),
  "answered with NotProcessed": encode.result(1, ResultCode.NotProcessed),
};

for (const [what, frame] of Object.entries(NOT_PROCESSED)) {
  Deno.test(`an OPEN ${what} is not processed, and all bytes are resent on another association`, async () => {
    const outside = new MemoryNetwork();
    const first = await byHand(outside);
    const { application, traffic, ask } = await applicant(outside);
    const asked = ask(first, "fresh");
    assertEquals(await first.peer.drain(), ["OPEN", "DATA", "END"]);
    await first.peer.send(frame);
    await assertRejects(() => asked, NotProcessedError);
    // The association goes on.
    assertEquals([first.client.ended, first.clientStreams.size, await first.peer.drain()], [false, 0, []]);
    await first.finish();
    const second = await sessionPair(3, undefined, outside);
    await session(ask(second), second, application);
    assertEquals(traffic.sent, TEXT.length);
  });
}

Deno.test("a session is asked again each time that it was not processed, with all its bytes", async () => {
  const outside = new MemoryNetwork();
  const { application, traffic, ask } = await applicant(outside);
  for (let round = 0; round < 4; round++) {
    const pair = await byHand(outside);
    const asked = ask(pair, round % 2 === 0 ? "fresh" : "stale");
    assertEquals(await pair.peer.drain(), round % 2 === 0 ? ["OPEN", "DATA", "END"] : ["OPEN"]);
    await pair.peer.send(encode.bye(0));
    await assertRejects(() => asked, NotProcessedError);
    await pair.finish();
  }
  const last = await sessionPair(3, undefined, outside);
  await session(ask(last), last, application);
  assertEquals(traffic.sent, TEXT.length);
});

Deno.test("on a stale association nothing is sent before the answer, and the request can be repeated", async () => {
  const outside = new MemoryNetwork();
  const first = await byHand(outside);
  const { application, ask } = await applicant(outside);
  const asked = ask(first, "stale");
  assertEquals(await first.peer.drain(), ["OPEN"]);
  first.server.end();
  await assertRejects(() => asked, NotProcessedError);
  await first.finish();
  const second = await sessionPair(3, undefined, outside);
  await session(ask(second), second, application);
});

Deno.test("on a stale association the bytes follow the answer", async () => {
  const pair = await byHand(new MemoryNetwork());
  const { application, ask } = await applicant(pair.outside);
  const asked = ask(pair, "stale");
  assertEquals(await pair.peer.drain(), ["OPEN"]);
  await pair.peer.send(encode.result(1, ResultCode.Ok), encode.end(1));
  assertEquals((await pair.peer.next(FrameType.Data)).bytes, TEXT);
  await pair.peer.next(FrameType.End);
  await asked;
  application.close();
  await pair.finish();
});

Deno.test("bytes that were sent on a fresh association are resent on a stale one, behind the answer", async () => {
  const outside = new MemoryNetwork();
  const { application, traffic, ask } = await rejectedApplicant(outside), second = await byHand(outside);
  const asked = ask(second, "stale");
  assertEquals(await second.peer.drain(), ["OPEN"]);
  await second.peer.send(encode.result(1, ResultCode.Ok), encode.end(1));
  assertEquals((await second.peer.next(FrameType.Data)).bytes, TEXT);
  await second.peer.next(FrameType.End);
  await asked;
  assertEquals(traffic.sent, TEXT.length);
  application.close();
  await second.finish();
});

Deno.test("a stale association that fails has got no bytes, whatever a fresh one got: the request can be repeated", async () => {
  const outside = new MemoryNetwork();
  const { application, traffic, ask } = await rejectedApplicant(outside), second = await byHand(outside);
  const failed = ask(second, "stale");
  assertEquals(await second.peer.drain(), ["OPEN"]);
  second.server.end();
  await assertRejects(() => failed, NotProcessedError);
  await second.finish();
  const third = await sessionPair(3, undefined, outside);
  await session(ask(third), third, application);
  assertEquals(traffic.sent, TEXT.length);
});

Deno.test("whatever a session was tried on before, the target gets all bytes, once", () => {
  return forSeeds(60, async (random) => {
    const outside = new MemoryNetwork(), bytes = random.bytes(random.pick([0, 1, 700, 9_000, 200_000]));
    const { application, traffic, ask, sent } = await applicant(outside, bytes);
    for (let attempts = random.below(5); attempts > 0; attempts--) {
      const pair = await byHand(outside), kind = random.pick(["fresh", "stale"] as const);
      const asked = ask(pair, kind);
      asked.catch(() => {});
      for (let pause = random.below(4); pause > 0; pause--) await settle();
      if (kind === "stale" && random.pick([true, false])) pair.server.end();
      else await pair.peer.send(random.pick(Object.values(NOT_PROCESSED)));
      await assertRejects(() => asked, NotProcessedError);
      await pair.finish();
    }
    const last = await sessionPair(3, undefined, outside);
    await session(ask(last, random.pick(["fresh", "stale", undefined])), last, application, bytes);
    await sent;
    assertEquals(traffic.sent, bytes.length);
  });
});

Deno.test("bytes that may have reached a target are never resent: the application sees a reset", async () => {
  const pair = await byHand(new MemoryNetwork());
  const { application, ask } = await applicant(pair.outside);
  const outcome = ask(pair, "fresh").catch((error) => error);
  assertEquals(await pair.peer.drain(), ["OPEN", "DATA", "END"]);
  pair.server.abort();
  assertInstanceOf(await outcome, ChannelError);
  await assertRejects(() => application.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  application.close();
  await pair.finish();
});

Deno.test("an application that fails ends its session on a fresh association, even if no answer comes", async () => {
  const pair = await byHand(new MemoryNetwork());
  const [application, inside] = await applicationPair(pair.outside);
  const traffic: Traffic = { sent: 0, received: 0 }, outgoing = new Outgoing(inside, traffic, true);
  const incoming = new Requested(traffic), stream = pair.clientStreams.open(OPEN, incoming);
  let outcome: unknown = "pending";
  carried(inside, stream, incoming, { outgoing, reused: "fresh" }).catch((error) => outcome = error);
  assertEquals(await pair.peer.drain(), ["OPEN"]);
  application.reset();
  await settle();
  assertInstanceOf(outcome, ApplicationError);
  assertEquals((await pair.peer.next(FrameType.Reset)).code, ResetCode.Application);
  assertEquals(pair.clientStreams.size, 0);
  await pair.finish();
});

Deno.test("a session that was answered is not asked again, even if BYE follows", async () => {
  const pair = await sessionPair();
  const { application, ask } = await applicant(pair.outside);
  const asked = ask(pair, "fresh");
  const [target, inside] = await applicationPair(pair.outside);
  const served = serve(pair, inside);
  assertEquals(await readAll(target), TEXT);
  pair.serverStreams.leave();
  await settle();
  assertEquals([pair.clientStreams.usable, pair.clientStreams.size], [false, 1]);
  await sendAll(target, TEXT);
  assertEquals(await readAll(application), TEXT);
  await asked;
  assertEquals(await served, null);
  await finishPair(pair, application, target);
});

Deno.test("a request on a new association that fails is not repeated", async () => {
  const pair = await byHand(new MemoryNetwork());
  const { application, ask } = await applicant(pair.outside);
  const outcome = ask(pair).catch((error) => error);
  assertEquals(await pair.peer.drain(), ["OPEN", "DATA", "END"]);
  pair.server.abort();
  assertInstanceOf(await outcome, ChannelError);
  application.close();
  await pair.finish();
});

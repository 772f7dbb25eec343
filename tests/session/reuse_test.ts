import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ChannelError } from "../../src/association/association.ts";
import { Outgoing } from "../../src/session/outgoing.ts";
import type { Traffic } from "../../src/session/relay.ts";
import { NotProcessedError, refuse, request, type RequestOptions } from "../../src/session/session.ts";
import { FrameType, ResultCode } from "../../src/wire/frame.ts";
import { settle } from "../support/time/fake_clock.ts";
import { applicationPair, readAll, sendAll } from "../support/handlers/pair.ts";
import { due, finishPair, serve, type SessionPair, sessionPair } from "../support/handlers/session_pair.ts";

const OPEN = { destination: { kind: "port", port: 80 } } as const;
const TEXT = new TextEncoder().encode("who is there?");

/** An application that has sent TEXT and half-closed, and a function that requests its session on an association. */
async function applicant(pair: SessionPair) {
  const [application, inside] = await applicationPair(pair.outside);
  await sendAll(application, TEXT);
  const traffic: Traffic = { sent: 0, received: 0 };
  const outgoing = new Outgoing(inside, traffic, true);
  const ask = ({ clientFrames, clock }: SessionPair, reused?: RequestOptions["reused"]) =>
    request(OPEN, inside, clientFrames, { traffic, clock, outgoing, ...reused && { reused } });
  return { application, traffic, ask };
}

/** Runs a session on `pair` in which the target receives TEXT and sends nothing. */
async function session(pair: SessionPair, asked: Promise<void>, application: { close(): void }): Promise<void> {
  const [target, inside] = await applicationPair(pair.outside);
  const served = serve(pair, inside);
  assertEquals(await readAll(target), TEXT);
  await target.closeWrite();
  await asked;
  assertEquals(await served, null);
  await finishPair(pair, target, application as typeof target);
}

Deno.test("an OPEN that crosses BYE is not processed, and all bytes are resent on another association", async () => {
  const first = await sessionPair();
  const { application, traffic, ask } = await applicant(first);
  const asked = ask(first, "fresh");
  await due(first.serverFrames, FrameType.Open);
  await first.serverFrames.send((encoder) => encoder.bye());
  const refused = refuse(first.serverFrames, ResultCode.NotProcessed, "", first.clock);
  await assertRejects(() => asked, NotProcessedError);
  await refused;
  assertEquals([first.client.ended, first.server.ended], [true, true]);
  const second = { ...await sessionPair(), outside: first.outside };
  await session(second, ask(second), application);
  assertEquals(traffic.sent, TEXT.length);
});

Deno.test("on a stale association nothing is sent before the answer, and the request can be repeated", async () => {
  const first = await sessionPair();
  const { application, ask } = await applicant(first);
  const asked = ask(first, "stale");
  await due(first.serverFrames, FrameType.Open);
  const next = first.serverFrames.peek();
  let arrived = false;
  next.then((frame) => arrived = frame !== null);
  await settle();
  first.server.end();
  await assertRejects(() => asked, NotProcessedError);
  assertEquals(arrived, false);
  const second = { ...await sessionPair(), outside: first.outside };
  await session(second, ask(second), application);
});

Deno.test("bytes that may have reached a target are never resent: the application sees a reset", async () => {
  const pair = await sessionPair();
  const { application, ask } = await applicant(pair);
  const asked = ask(pair, "fresh");
  const outcome = asked.catch((error) => error);
  await due(pair.serverFrames, FrameType.Open);
  await due(pair.serverFrames, FrameType.Data);
  pair.server.abort();
  assertInstanceOf(await outcome, ChannelError);
  await assertRejects(() => application.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  await finishPair(pair, application);
});

Deno.test("a request on a new association that fails is not repeated", async () => {
  const pair = await sessionPair();
  const { application, ask } = await applicant(pair);
  const outcome = ask(pair).catch((error) => error);
  await due(pair.serverFrames, FrameType.Open);
  pair.server.abort();
  assertInstanceOf(await outcome, ChannelError);
  await finishPair(pair, application);
});

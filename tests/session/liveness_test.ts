import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { Liveness, Silence } from "../../src/session/liveness.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Interposer } from "../support/network/interposer.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { associatedPair, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { finishPair, sessionsOver, startSession } from "../support/handlers/session_pair.ts";

const LIMITS = { ping: 8_000, silence: 25_000 };

/** A session between two applications, watched on both sides, with an interposer on every channel. */
async function watchedSession() {
  const interposers: Interposer[] = [];
  const network = new MemoryNetwork({ interpose: (path) => interposers.push(new Interposer(path)) });
  const associated = await associatedPair(3, network);
  const { clock } = associated;
  const liveness = new Liveness(clock, () => LIMITS);
  const pair = sessionsOver(associated, new MemoryNetwork());
  for (const streams of [pair.clientStreams, pair.serverStreams]) {
    liveness.add(streams);
    streams.association.over.then(() => liveness.remove(streams));
  }
  const session = await startSession(pair);
  await settle();
  const asked = failing(session.client), served = failing(session.server);
  return {
    ...{ clock, liveness, user: session.application, target: session.target, asked, served, interposers },
    ...{ client: pair.client, pair },
    async end() {
      pair.client.end();
      pair.server.end();
      await Promise.allSettled([asked, served]);
      for (const interposer of interposers) interposer.close();
      await settle();
      assertEquals(liveness.size, 0);
      await finishPair(pair, session.application, session.target);
    },
  };
}

/** Rejects with the error of a session. */
async function failing(outcome: Promise<Error | null>): Promise<void> {
  const error = await outcome;
  if (error !== null) throw error;
}

Deno.test("an idle session lives on, and still carries bytes afterwards", async () => {
  const session = await watchedSession();
  await session.clock.advance(20 * LIMITS.silence);
  await session.user.write(Uint8Array.of(1, 2, 3));
  const into = new Uint8Array(8);
  assertEquals(await session.target.read(into), 3);
  await Promise.all([session.user.closeWrite(), session.target.closeWrite()]);
  await Promise.all([session.asked, session.served]);
  await session.end();
});

Deno.test("a silent channel is named within 27 s, and both applications see a reset", async () => {
  const session = await watchedSession();
  await session.clock.advance(60_000);
  session.interposers[1]!.silence();
  const failed = assertRejects(() => session.asked, ChannelError);
  const failedThere = assertRejects(() => session.served, ChannelError);
  await session.clock.advance(27_000);
  assertMatch((await failed).message, /^channel 2 \(192\.0\.2\.2:6522\): silent for 25 s$/);
  await failedThere;
  assertEquals((await readToEnd(session.user)).error instanceof Deno.errors.ConnectionReset, true);
  assertEquals((await readToEnd(session.target)).error instanceof Deno.errors.ConnectionReset, true);
  await session.end();
});

Deno.test("a session whose application does not read is not considered dead", async () => {
  const session = await watchedSession();
  const length = 4_000_000;
  let written = false;
  const sending = sendAll(session.user, new Uint8Array(length)).then(() => written = true);
  await session.clock.advance(5 * LIMITS.silence);
  assertEquals({ written, ended: session.client.ended }, { written: false, ended: false });
  const received = readToEnd(session.target);
  await sending;
  assertEquals((await received).bytes.length, length);
  await session.target.closeWrite();
  await Promise.all([session.asked, session.served]);
  await session.end();
});

Deno.test("after a channel is reset, the session of an application that reads nothing ends at once", async () => {
  const session = await watchedSession();
  const sending = sendAll(session.user, new Uint8Array(4_000_000)).catch(() => {});
  await session.clock.advance(5 * LIMITS.silence);
  const failed = assertRejects(() => session.served, ChannelError);
  session.interposers[1]!.reset();
  await assertRejects(() => session.asked, ChannelError);
  assertMatch((await failed).message, /^channel 2 \(192\.0\.2\.2:6522\): /);
  assertEquals((await readToEnd(session.target)).error instanceof Deno.errors.ConnectionReset, true);
  await sending;
  await session.end();
});

Deno.test("associations without streams may be silent, and one timer watches all", async () => {
  const session = await watchedSession();
  assertEquals([session.liveness.size, session.clock.pending], [2, 1]);
  await Promise.all([session.user.closeWrite(), session.target.closeWrite()]);
  await Promise.all([session.asked, session.served]);
  for (const interposer of session.interposers) interposer.silence();
  await session.clock.advance(3 * LIMITS.silence);
  assertEquals([session.liveness.size, session.clock.pending, session.client.ended], [2, 1, false]);
  await session.end();
});

Deno.test("if all channels are silent, and the system can't tell which path has stopped, none is named", async () => {
  const session = await watchedSession();
  for (const interposer of session.interposers) interposer.silence();
  const failed = assertRejects(() => session.asked, Silence);
  const failedThere = assertRejects(() => session.served);
  await session.clock.advance(27_000);
  assertMatch((await failed).message, /^all channels silent for 25 s/);
  await failedThere;
  await session.end();
});

Deno.test("if all channels are silent, only the one whose path has stopped is named", async () => {
  for (const stopped of [[1], [1, 2]]) {
    const session = await watchedSession();
    for (const at of stopped) Object.defineProperty(session.client.connections[at]!, "stalled", { value: true });
    for (const interposer of session.interposers) interposer.silence();
    const failed = assertRejects(() => session.asked, ChannelError);
    const failedThere = assertRejects(() => session.served);
    await session.clock.advance(27_000);
    const { index, message } = await failed;
    const too = stopped.length > 1 ? ", and so is channel 3" : "";
    assertEquals([index, message.replace(/^.*\): /, "")], [1, `silent for 25 s${too}`]);
    await failedThere;
    await session.end();
  }
});

Deno.test("a channel that the other side ends because another path has stopped is not blamed", async () => {
  for (const stopped of [1, 0]) {
    const { client, server, clock, network } = await associatedPair(3);
    Object.defineProperty(client.connections[stopped]!, "stalled", { value: true });
    const reader = client.readable.getReader();
    const failed = assertRejects(() => reader.read(), ChannelError);
    server.connections[0]!.reset();
    const { index, message } = await failed;
    const reason = message.replace(/^.*?\): /, "");
    assertEquals(index, stopped);
    assertMatch(
      reason,
      stopped === 1 ? /^no answer to what was sent; channel 1: Connection reset/ : /^Connection reset/,
    );
    client.end();
    server.end();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  }
});

Deno.test("a channel that fails by itself is blamed, even if other paths have stopped", async () => {
  const { client, server } = await associatedPair(3);
  Object.defineProperty(client.connections[1]!, "stalled", { value: true });
  assertMatch(client.channelFailed(0, new Error("No route to host")).message, /^channel 1 .*No route to host$/);
  client.end();
  server.end();
});

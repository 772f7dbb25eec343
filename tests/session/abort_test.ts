/** Sessions that end out of order: the other side's application sees a reset, never a clean end. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { ApplicationError } from "../../src/session/application_error.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import { StreamReset } from "../../src/streams/errors.ts";
import { FRAME_HEAD_LENGTH, FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Interposer } from "../support/network/interposer.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { applicationPair, associatedPair, readAll, readToEnd } from "../support/handlers/pair.ts";
import {
  ask,
  finishPair,
  type Session,
  sessionPair,
  startSession,
  streamsOptions,
} from "../support/handlers/session_pair.ts";

const { ConnectionReset } = Deno.errors;

Deno.test("an application's reset resets the target, and a target's reset the application; other sessions go on", async () => {
  for (const who of ["application", "target"] as const) {
    const pair = await sessionPair();
    const [session, beside] = [await startSession(pair), await startSession(pair)];
    const other = who === "application" ? session.target : session.application;
    await writeAll(session[who], Uint8Array.of(1, 2));
    await other.read(new Uint8Array(10));
    session[who].reset();
    assertInstanceOf((await readToEnd(other)).error, ConnectionReset, who);
    const errors = [await session.client, await session.server];
    const [near, far] = who === "application" ? errors : errors.toReversed();
    assertInstanceOf(near, ApplicationError);
    assertInstanceOf(far, StreamReset);
    assertEquals(far.message, "reset by the other side: application");
    assertEquals([pair.clientStreams.size, pair.serverStreams.size], [1, 1]);
    await writeAll(beside.application, Uint8Array.of(3));
    await Promise.all([beside.application.closeWrite(), beside.target.closeWrite()]);
    assertEquals(await readAll(beside.target), Uint8Array.of(3));
    assertEquals([await beside.client, await beside.server], [null, null]);
    await finishPair(pair, session.application, session.target, beside.application, beside.target);
  }
});

/** Checks that an end sees a reset: only when writing, and as a broken pipe, if the other side had half-closed. */
async function assertReset(end: Connection, what: string): Promise<void> {
  const { error } = await readToEnd(end);
  if (error !== null) return void assertInstanceOf(error, ConnectionReset, what);
  for (let i = 0; i < 4; i++) await settle();
  const writeError = await end.write(new Uint8Array(1)).then(() => null, (error: unknown) => error);
  assertInstanceOf(writeError, Deno.errors.BrokenPipe, what);
}

Deno.test("a reset after a half-close, while only the other side still sends, is relayed as a reset", async () => {
  for (const who of ["application", "target"] as const) {
    const pair = await sessionPair();
    const session = await startSession(pair);
    const other = who === "application" ? session.target : session.application;
    await session[who].closeWrite();
    assertEquals(await readAll(other), new Uint8Array());
    await settle();
    session[who].reset();
    // Its handler sees the reset when it next writes to it.
    await writeAll(other, new Uint8Array(1000));
    await settle();
    await assertReset(other, who);
    const errors = [await session.client, await session.server];
    const [near, far] = who === "application" ? errors : errors.toReversed();
    assertInstanceOf(near, ApplicationError);
    assertInstanceOf(far, StreamReset);
    await finishPair(pair, session.application, session.target);
  }
});

/** Checks that both applications of a broken session were reset, and that both handlers know the reason. */
async function assertBroken({ application, target, client, server }: Session, what: string): Promise<Error[]> {
  await assertReset(application, `${what}: the application`);
  await assertReset(target, `${what}: the target`);
  const errors = [await client, await server];
  for (const error of errors) assertInstanceOf(error, Error, `${what}: ended in order`);
  return errors as Error[];
}

for (const how of ["close", "reset"] as const) {
  Deno.test(`a ${how} of one channel resets all applications, with or without data in flight, and the error names it`, async () => {
    for (const busy of ["idle", "up", "down", "half-closed up", "half-closed down"]) {
      for (let victim = 0; victim < 3; victim++) {
        const paths: Interposer[] = [];
        const network = new MemoryNetwork({ interpose: (path) => paths.push(new Interposer(path)) });
        const pair = await sessionPair(3, network);
        const [session, idle] = [await startSession(pair), await startSession(pair)];
        const [from, to] = busy.includes("down")
          ? [session.target, session.application]
          : [session.application, session.target];
        await writeAll(from, new Uint8Array(10));
        await to.read(new Uint8Array(10));
        let writing: Promise<void> | undefined;
        if (busy.startsWith("half-closed")) {
          await from.closeWrite();
          await to.read(new Uint8Array(10));
          await settle();
        } else if (busy !== "idle") writing = writeAll(from, new Uint8Array(2_000_000)).catch(() => {});
        await settle();
        paths[victim]![how]();
        const what = `${busy}, ${how}, channel ${victim + 1}`;
        const errors = [...await assertBroken(session, what), ...await assertBroken(idle, what)];
        await writing;
        for (const error of errors) assert(error instanceof ChannelError && error.index === victim, errors.join());
        await Promise.all(paths.map(({ done }) => done));
        await finishPair(pair, session.application, session.target, idle.application, idle.target);
      }
    }
  });
}

Deno.test("ending the association ends its sessions, even while an application neither reads nor writes", async () => {
  for (const how of ["end", "abort"] as const) {
    for (const side of ["client", "server"] as const) {
      const pair = await sessionPair(3, new MemoryNetwork(), new MemoryNetwork({ capacity: 5000 }));
      const session = await startSession(pair);
      const [from, to] = side === "client"
        ? [session.target, session.application]
        : [session.application, session.target];
      const writing = writeAll(from, new Uint8Array(3_000_000)).catch(() => {});
      for (let i = 0; i < 20; i++) await settle();
      pair[side][how]();
      const error = await session[side];
      assertEquals(error?.message, "the handler is ending");
      assertInstanceOf((await readToEnd(to)).error, ConnectionReset);
      assertInstanceOf((await readToEnd(from)).error, ConnectionReset);
      assert(await session.client !== null && await session.server !== null);
      await writing;
      await finishPair(pair, session.application, session.target);
    }
  }
});

Deno.test("a channel's reset ends a half-closed session whose other direction is stuck in the channels", async () => {
  for (const length of [5_000, 500_000]) {
    for (const who of ["application", "target"] as const) {
      const paths: Interposer[] = [];
      const network = new MemoryNetwork({ interpose: (path) => paths.push(new Interposer(path)) });
      const pair = await sessionPair(3, network);
      const session = await startSession(pair);
      const [from, to] = who === "application"
        ? [session.application, session.target]
        : [session.target, session.application];
      await to.closeWrite();
      assertEquals(await readAll(from), new Uint8Array());
      await settle();
      const [stuck] = pair[who === "application" ? "client" : "server"].connections;
      stuck!.write = () => new Promise(() => {});
      const writing = writeAll(from, new Uint8Array(length)).catch(() => {});
      for (let i = 0; i < 5; i++) await settle();
      paths[0]!.reset();
      await writing;
      for (const error of [await session.client, await session.server]) assertInstanceOf(error, ChannelError);
      await Promise.all(paths.map(({ done }) => done));
      await finishPair(pair, session.application, session.target);
    }
  }
});

Deno.test("the error of a RESET has its reason", async () => {
  for (const [code, word] of [[ResetCode.Application, "application"], [ResetCode.Limit, "limit"]] as const) {
    const { client, server, clock, network } = await associatedPair(3);
    const clientStreams = new Multiplexer(client, streamsOptions(clock)), peer = new FramePeer(server);
    const [application, inside] = await applicationPair(network);
    const asked = ask({ clientStreams }, inside);
    await peer.next(FrameType.Open);
    await peer.send(encode.result(1, ResultCode.Ok));
    await peer.send(encode.reset(1, code));
    assertEquals((await asked)?.message, `reset by the other side: ${word}`);
    assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
    assertEquals([client.ended, await peer.drain()], [false, []]);
    for (const end of [application, client, server]) "end" in end ? end.end() : end.close();
    await settle();
    assertEquals(network.openEnds, 0);
  }
});

interface Flip {
  readonly towards: "client" | "server";
  /** Index from the first share. */
  readonly byte: number;
  readonly bits: number;
}

/**
 * Runs a small session, and an idle one beside it, while an adversary flips bits on one channel.
 *
 * @returns The bytes that arrived in the direction of the flip.
 */
async function tampered({ towards, byte, bits }: Flip): Promise<number> {
  const firstShare = towards === "client" ? 22 + 52 : 52;
  const paths: Interposer[] = [];
  const change = (piece: Uint8Array, at: number) => {
    const index = firstShare + byte - at;
    if (index >= 0 && index < piece.length) piece[index]! ^= bits;
  };
  const network = new MemoryNetwork({
    interpose: (path, { host }) => {
      const tampering = host === "192.0.2.2" ? { change } : {};
      paths.push(towards === "client" ? new Interposer(path, tampering) : new Interposer(path, {}, tampering));
    },
  });
  const pair = await sessionPair(3, network);
  const [session, idle] = [await startSession(pair), await startSession(pair)];
  // Otherwise the first bytes of DATA would be in the record of the OPENs.
  await settle();
  const results = Promise.all([session.target, session.application, idle.target, idle.application].map(readToEnd));
  for (const end of [session.application, session.target]) {
    await writeAll(end, new Uint8Array(20)).catch(() => {});
    await settle();
    await end.closeWrite().catch(() => {});
    await settle();
  }
  // With a larger length, a receiver could wait for bytes that never come.
  assertEquals([pair.client.ended, pair.server.ended], [true, true], `byte ${byte}`);
  const [atTarget, atApplication, ...beside] = await results;
  const what = `bits ${bits} of byte ${byte} towards the ${towards}`;
  for (const { bytes, error } of beside) {
    assertEquals(bytes.length, 0);
    assertInstanceOf(error, ConnectionReset, what);
  }
  const broken = towards === "server" ? pair.server : pair.client;
  assert(/tampered with|a record of \d+ bytes/.test(`${broken.fault?.message}`), `${what}: ${broken.fault}`);
  assert(await idle.client !== null && await idle.server !== null);
  await Promise.all(paths.map(({ done }) => done));
  await finishPair(pair, session.application, session.target, idle.application, idle.target);
  return (towards === "server" ? atTarget! : atApplication!).bytes.length;
}

Deno.test("a flip in any byte of a direction aborts the association at its record, before a byte of that arrives", async () => {
  const head = RECORD_HEAD_LENGTH + FRAME_HEAD_LENGTH;
  // KEY and a record of two frames, OPEN or RESULT; a record of DATA of 20 bytes, and one of END.
  for (const [towards, opening] of [["server", 4], ["client", 1]] as const) {
    const first = KEY_LENGTH + head + opening + FRAME_HEAD_LENGTH + opening;
    const data = first + head + 20, end = data + head;
    for (let byte = 0; byte < end; byte++) {
      const arrived = await tampered({ towards, byte, bits: 1 << byte % 8 });
      // The whole of DATA or nothing if the flip is in END, which may have come together with it.
      assert(
        arrived === 0 || byte >= data && arrived === 20,
        `byte ${byte} of ${end} towards the ${towards}: ${arrived}`,
      );
    }
  }
});

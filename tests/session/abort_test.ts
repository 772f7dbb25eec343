/** Sessions that end out of order: the other side's application sees a reset, never a clean end. */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { ChannelError } from "../../src/association/association.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { ApplicationError, SessionReset } from "../../src/session/relay.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { FRAME_HEAD_LENGTH, FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import type { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Interposer } from "../support/network/interposer.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair, readAll, readToEnd } from "../support/handlers/pair.ts";
import { Random } from "../support/random/random.ts";
import { ask, due, finishPair, type Session, sessionPair, startSession } from "../support/handlers/session_pair.ts";

const { ConnectionReset } = Deno.errors;

Deno.test("an application's reset resets the target, and a target's reset the application", async () => {
  for (const who of ["application", "target"] as const) {
    const pair = await sessionPair();
    const session = await startSession(pair);
    const other = who === "application" ? session.target : session.application;
    await writeAll(session[who], Uint8Array.of(1, 2));
    await other.read(new Uint8Array(10));
    session[who].reset();
    assertInstanceOf((await readToEnd(other)).error, ConnectionReset, who);
    const errors = [await session.client, await session.server];
    const [near, far] = who === "application" ? errors : errors.toReversed();
    assertInstanceOf(near, ApplicationError);
    assertInstanceOf(far, SessionReset);
    assertEquals(far.message, "reset by the other side: application");
    assertEquals([pair.client.ended, pair.server.ended], [true, true]);
    await finishPair(pair, session.application, session.target);
  }
});

/** Checks that an end sees a reset: only when writing, and as a broken pipe, if the other side had half-closed. */
async function assertReset(end: Connection, what: string): Promise<void> {
  const { error } = await readToEnd(end);
  if (error !== null) return void assertInstanceOf(error, ConnectionReset, what);
  await settle();
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
    assert(await session.client !== null && await session.server !== null);
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
  Deno.test(`a ${how} of one channel resets both applications, with or without data in flight, and the error names it`, async () => {
    for (const busy of ["idle", "up", "down", "half-closed up", "half-closed down"]) {
      for (let victim = 0; victim < 3; victim++) {
        const paths: Interposer[] = [];
        const network = new MemoryNetwork({ interpose: (path) => paths.push(new Interposer(path)) });
        const pair = await sessionPair(3, network);
        const session = await startSession(pair);
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
        const errors = await assertBroken(session, `${busy}, ${how}, channel ${victim + 1}`);
        await writing;
        assert(errors.some((error) => error instanceof ChannelError && error.index === victim), errors.join());
        pair.client.end();
        pair.server.end();
        await Promise.all(paths.map(({ done }) => done));
        await finishPair(pair, session.application, session.target);
      }
    }
  });
}

Deno.test("ending the association ends the session, even while its application neither reads nor writes", async () => {
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

Deno.test("an unexpected frame resets the session with the reason Protocol", async () => {
  const frames: [string, (encoder: FrameEncoder) => Uint8Array][] = [
    ["OPEN", (encoder) => encoder.open({ destination: { kind: "port", port: 1 } })],
    ["RESULT", (encoder) => encoder.result(ResultCode.Ok)],
  ];
  for (const [name, encode] of frames) {
    const pair = await sessionPair();
    const [application, inside] = await applicationPair(pair.outside);
    const client = ask(pair, inside);
    await due(pair.serverFrames, FrameType.Open);
    await pair.serverFrames.send((encoder) => encoder.result(ResultCode.Ok));
    await pair.serverFrames.send(encode);
    const error = await client;
    assertInstanceOf(error, WireError, name);
    assertStringIncludes(error.message, "within a session");
    assertEquals((await due(pair.serverFrames, FrameType.Reset)).code, ResetCode.Protocol);
    assertEquals(await pair.serverFrames.receive(), null);
    assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
    await finishPair(pair, application);
  }
});

Deno.test("the error of a RESET has its reason", async () => {
  for (const [code, word] of [[ResetCode.Application, "application"], [ResetCode.Limit, "limit"]] as const) {
    const pair = await sessionPair();
    const [application, inside] = await applicationPair(pair.outside);
    const client = ask(pair, inside);
    await due(pair.serverFrames, FrameType.Open);
    await pair.serverFrames.send((encoder) => encoder.result(ResultCode.Ok));
    await pair.serverFrames.send((encoder) => encoder.reset(code));
    assertEquals((await client)?.message, `reset by the other side: ${word}`);
    await readToEnd(application);
    await finishPair(pair, application);
  }
});

Deno.test("a RESET that can't leave delays the end of a session by one second at most", async () => {
  const pair = await sessionPair(2, new MemoryNetwork({ capacity: 1000 }));
  const [application, inside] = await applicationPair(pair.outside);
  let over = false;
  const client = ask(pair, inside).finally(() => over = true);
  // The server reads nothing but the OPEN, so that the channels fill, and then violates the protocol.
  await due(pair.serverFrames, FrameType.Open);
  const writing = writeAll(application, new Uint8Array(5_000_000)).catch(() => {});
  for (let i = 0; i < 20; i++) await settle();
  await pair.serverFrames.send((encoder) => encoder.end());
  await writing;
  await pair.clock.advance(999);
  assertEquals(over, false);
  await pair.clock.advance(1);
  assertInstanceOf(await client, WireError);
  await finishPair(pair, application);
});

interface Flip {
  readonly towards: "client" | "server";
  /** Index from the first share. */
  readonly byte: number;
  readonly bits: number;
}

/**
 * Runs a small session while an adversary flips bits on one channel.
 *
 * @returns The bytes sent and received in the direction of the flip, and the session's outcome: it ended in order, its
 * receiver refused a frame, or the receiver still waited for the rest of a frame when the test aborted it.
 */
async function tampered({ towards, byte, bits }: Flip) {
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
  const session = await startSession(pair);
  const [up, down] = [new Random(1).bytes(20), new Random(2).bytes(20)];
  // The bytes that arrive at both ends, regardless of the outcome.
  const results = Promise.all([readToEnd(session.target), readToEnd(session.application)]);
  for (const [end, bytes] of [[session.application, up], [session.target, down]] as const) {
    await writeAll(end, bytes).catch(() => {});
    await settle();
    await end.closeWrite().catch(() => {});
    await settle();
  }
  // With a larger length, the receiver waits for bytes that never come, until the handlers' time-outs.
  for (let i = 0; i < 3; i++) await settle();
  pair.client.abort();
  pair.server.abort();
  const [atTarget, atApplication] = await results;
  const errors = [await session.client, await session.server];
  await Promise.all(paths.map(({ done }) => done));
  await finishPair(pair, session.application, session.target);

  const [sent, { bytes: got, error }] = towards === "server" ? [up, atTarget] : [down, atApplication];
  if (error === null) {
    assertEquals(errors, [null, null]);
    return { sent, got, outcome: "ended" } as const;
  }
  assertInstanceOf(error, ConnectionReset);
  const receiver = errors[towards === "server" ? 1 : 0];
  assertInstanceOf(receiver, Error);
  return { sent, got, outcome: receiver instanceof WireError ? "refused" : "waiting" } as const;
}

Deno.test("a flip in any byte of a session changes the same bits of data, or breaks the session there; nothing is forged", async () => {
  const head = FRAME_HEAD_LENGTH;
  // Start offsets of KEY, OPEN of 4 or RESULT of 1 byte, DATA of 20, and END.
  for (const [towards, opening] of [["server", 4], ["client", 1]] as const) {
    const starts = [0, head, 2 * head + opening, 3 * head + opening + 20, 4 * head + opening + 20];
    const [data, end] = [3 * head + opening, starts[3]!];
    for (let byte = 0; byte < starts[4]!; byte++) {
      const isData = byte >= data && byte < end;
      // All bits of each frame's type, and one bit of every other byte.
      for (const bit of starts.includes(byte) ? [0, 1, 2, 3, 4, 5, 6, 7] : [byte % 8]) {
        const { sent, got, outcome } = await tampered({ towards, byte, bits: 1 << bit });
        const what = `bit ${bit} of byte ${byte} towards the ${towards}`;
        // OPEN and RESULT lengthened by 128 bytes find at most 92 bytes behind them.
        const longer = byte === head + 3;
        assertEquals(outcome, isData ? "ended" : longer ? "waiting" : "refused", what);
        const whole = byte < data ? new Uint8Array() : sent;
        assertEquals(got, isData ? sent.with(byte - data, sent[byte - data]! ^ 1 << bit) : whole, what);
      }
    }
  }
});

Deno.test("an OPEN whose port was changed on one channel opens no session", async () => {
  const paths: Interposer[] = [];
  // Kind and port follow the list, KEY and the frame's head.
  const port = 52 + 36 + FRAME_HEAD_LENGTH + 1;
  for (let byte = port; byte < port + 2; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const network = new MemoryNetwork({
        interpose: (path, { host }) => {
          const change = (piece: Uint8Array, at: number) => {
            if (byte >= at && byte < at + piece.length) piece[byte - at]! ^= 1 << bit;
          };
          paths.push(new Interposer(path, {}, host === "192.0.2.1" ? { change } : {}));
        },
      });
      const pair = await sessionPair(3, network);
      const session = await startSession(pair);
      const [, error] = await assertBroken(session, `byte ${byte}, bit ${bit}`);
      assertInstanceOf(error, WireError);
      assertStringIncludes(error.message, "tampered with");
      assertEquals(session.down, { sent: 0, received: 0 });
      await Promise.all(paths.splice(0).map(({ done }) => done));
      await finishPair(pair, session.application, session.target);
    }
  }
});

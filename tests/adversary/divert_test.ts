/**
 * Diversion: the owner of one channel, who also reads one target's traffic, hides the boundary between two sessions, so
 * that the second application's first bytes go to the first session's target.
 */
import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { settle } from "../support/time/fake_clock.ts";
import { FORWARD, Handlers, type Line } from "../support/handlers/handlers_in_memory.ts";
import { Interposer } from "../support/network/interposer.ts";
import "../support/system/native.ts";
import { readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";

const HELLO = new TextEncoder().encode("hello");
const SECRET = new TextEncoder().encode("password=hunter2");
/** The forward to port 81, and its target. */
const NEXT_FORWARD = { host: "127.0.0.1", port: 8081 }, NEXT_TARGET = { host: "127.0.0.2", port: 8001 };

// The client's bytes on a channel: the list of three cookies; then, frame by frame, shares.
const OPEN_LENGTH = 4;
const KEY = 4 + 3 * 16, OPEN = KEY + FRAME_HEAD_LENGTH, DATA = OPEN + FRAME_HEAD_LENGTH + OPEN_LENGTH;
const END = DATA + FRAME_HEAD_LENGTH + HELLO.length, NEXT_OPEN = END + FRAME_HEAD_LENGTH;

const { Data, End, Open, Ping, Pong } = FrameType;

/** Bits to flip, by offset. */
type Flips = readonly (readonly [at: number, bits: number])[];

const RETYPED = NEXT_OPEN + FRAME_HEAD_LENGTH + OPEN_LENGTH - END - FRAME_HEAD_LENGTH;

/** Attacks that disguise the END, so that the session would continue. */
const HIDING_END: Record<string, Flips> = {
  "END becomes DATA that swallows the next OPEN": [[END, End ^ Data], [END + 3, 0 ^ RETYPED]],
  "END becomes PING, the next OPEN PING": [[END, End ^ Ping], [NEXT_OPEN, Open ^ Ping]],
  "END becomes PONG, the next OPEN DATA": [[END, End ^ Pong], [NEXT_OPEN, Open ^ Data]],
};

/** An attack in which the first session's DATA swallows its END and the next OPEN. */
const SWALLOWING: Flips = [[DATA + 3, HELLO.length ^ HELLO.length + FRAME_HEAD_LENGTH + RETYPED]];

/** Attacks that leave the END alone. */
const HIDING_OPEN: Record<string, Flips> = {
  "the next OPEN becomes DATA": [[NEXT_OPEN, Open ^ Data]],
  "the next OPEN becomes PING": [[NEXT_OPEN, Open ^ Ping]],
  "the next OPEN gets the first one's port": [[NEXT_OPEN + FRAME_HEAD_LENGTH + 2, 80 ^ 81]],
};

/** A connection whose writes wait for the gate. */
function gated(connection: Connection, gate: () => Promise<void>): Connection {
  const { local, remote } = connection;
  return {
    local,
    remote,
    read: (into) => connection.read(into),
    write: (bytes) => gate().then(() => connection.write(bytes)),
    closeWrite: () => gate().then(() => connection.closeWrite()),
    close: () => connection.close(),
    reset: () => connection.reset(),
  };
}

/**
 * Handlers whose first channel is the adversary's; it tampers only with the first association.
 *
 * @param gate Delays the server's bytes.
 */
function attacked(
  flips: Flips,
  gate: () => Promise<void> = () => Promise.resolve(),
): { handlers: Handlers; paths: Interposer[]; owned: () => Interposer } {
  const paths: Interposer[] = [];
  let owned: Interposer | undefined;
  const handlers = new Handlers({
    interpose: (path, { host }) => {
      const mine = host === "192.0.2.1" && owned === undefined;
      const change = (piece: Uint8Array, at: number) => {
        for (const [where, bits] of flips) {
          if (where >= at && where < at + piece.length) piece[where - at]! ^= bits;
        }
      };
      const towardsClient = gated(path.toClient, gate);
      const interposer = new Interposer({ ...path, toClient: towardsClient }, {}, mine ? { change } : {});
      if (mine) owned = interposer;
      paths.push(interposer);
    },
  });
  return { handlers, paths, owned: () => owned! };
}

async function finish({ handlers, paths }: ReturnType<typeof attacked>, ...held: Connection[]): Promise<void> {
  for (const connection of held) connection.close();
  await handlers.client.close();
  await handlers.server.close();
  await Promise.all(paths.map(({ done }) => done));
  await handlers.close();
}

/** The reasons of an event's lines. */
function reasons(lines: readonly Line[], event: string): string[] {
  return lines.filter((line) => line.event === event).map(({ reason }) => String(reason));
}

/** Runs the first session until its application and its target have half-closed, the target first or last. */
async function firstSession(handlers: Handlers, replies: "before" | "after"): Promise<[Connection, Connection]> {
  const { application, target } = await handlers.session(FORWARD);
  await writeAll(application, HELLO);
  await settle();
  if (replies === "before") {
    await target.closeWrite();
    await settle();
  }
  await application.closeWrite();
  return [application, target];
}

/** Runs the second session, without tampering. @returns The bytes that its target receives. */
async function nextSession(handlers: Handlers): Promise<Uint8Array> {
  const listener = handlers.network.listen(NEXT_TARGET);
  const application = await handlers.network.connect(NEXT_FORWARD);
  const [target] = await Promise.all([listener.accept(), sendAll(application, SECRET)]);
  const got = await readAll(target!);
  await target!.closeWrite();
  assertEquals(await readAll(application), new Uint8Array());
  for (const one of [listener, application, target!]) one.close();
  return got;
}

Deno.test("without an adversary, the second session reuses the first one's association and reaches its own target", async () => {
  const run = attacked([]), { handlers } = run;
  const [application, target] = await firstSession(handlers, "before");
  assertEquals([await readAll(target), await readAll(application)], [HELLO, new Uint8Array()]);
  await settle();
  assertEquals(await nextSession(handlers), SECRET);
  await settle();
  assertEquals(handlers.serverLines.filter(({ event }) => event === "association").length, 1);
  // Validates the attacks' offsets: the client's bytes end with a second END.
  assertEquals(run.owned().fromClient, NEXT_OPEN + 3 * FRAME_HEAD_LENGTH + OPEN_LENGTH + SECRET.length);
  await finish(run, application, target);
});

for (
  const [name, flips] of [...Object.entries(HIDING_END), ["DATA swallows END and the next OPEN", SWALLOWING] as const]
) {
  Deno.test(`${name}: the first session is reset at that frame, and the second uses another association`, async () => {
    for (const replies of ["before", "after"] as const) {
      const run = attacked(flips), { handlers } = run;
      const [application, target] = await firstSession(handlers, replies);
      const { bytes, error } = await readToEnd(target);
      assertInstanceOf(error, Deno.errors.ConnectionReset, "the first target sees a clean end");
      assertEquals(bytes, flips === SWALLOWING ? new Uint8Array() : HELLO);
      // An application that already had everything can't know; otherwise it sees the reset.
      const told = (await readToEnd(application)).error;
      if (replies === "after" || flips === SWALLOWING) assertInstanceOf(told, Deno.errors.ConnectionReset);
      await settle();
      const [reason, ...others] = reasons(handlers.serverLines, "session reset");
      assertMatch(reason!, /^(DATA|PING|PONG) with a wrong tag: the message was tampered with$/);
      assertEquals(others, []);
      assertEquals(await nextSession(handlers), SECRET);
      await settle();
      assertEquals(handlers.serverLines.filter(({ event }) => event === "association").length, 2);
      await finish(run, application, target);
    }
  });
}

for (const [name, flips] of Object.entries(HIDING_OPEN)) {
  Deno.test(`${name}: no target receives anything, and the second application is reset`, async () => {
    const run = attacked(flips), { handlers } = run;
    const [application, target] = await firstSession(handlers, "before");
    assertEquals([await readAll(target), await readAll(application)], [HELLO, new Uint8Array()]);
    await settle();
    let connected = false;
    const listeners = [handlers.targets, handlers.network.listen(NEXT_TARGET)];
    const accepting = listeners.map((one) => one.accept().then((target) => connected ||= target !== null));
    const next = await handlers.network.connect(NEXT_FORWARD);
    await writeAll(next, SECRET).catch(() => {});
    assertInstanceOf((await readToEnd(next)).error, Deno.errors.ConnectionReset);
    await settle();
    assertEquals(connected, false);
    const [reason, ...others] = reasons(handlers.serverLines, "association failed");
    assertMatch(reason!, /^(OPEN|DATA|PING) with a wrong tag: the message was tampered with$/);
    assertEquals(others, []);
    listeners[1]!.close();
    await finish(run, application, target, next);
    await Promise.all(accepting);
    assert(!connected);
  });
}

Deno.test("an OPEN behind the hidden END, sent before the client can know, reaches no target either", async () => {
  for (const flips of [...Object.values(HIDING_END), SWALLOWING]) {
    const late = Promise.withResolvers<void>();
    let gate = Promise.resolve();
    const run = attacked(flips, () => gate), { handlers } = run;
    const { application, target } = await handlers.session(FORWARD);
    const atTarget = readToEnd(target);
    await writeAll(application, flips === SWALLOWING ? new Uint8Array() : HELLO);
    await target.closeWrite();
    await settle();
    gate = late.promise;
    if (flips === SWALLOWING) await writeAll(application, HELLO);
    await application.closeWrite();
    assertEquals(await readAll(application), new Uint8Array());
    await settle();
    const next = await handlers.network.connect(NEXT_FORWARD);
    await writeAll(next, SECRET);
    await settle();
    late.resolve();
    const { bytes, error } = await atTarget;
    assertEquals(bytes, flips === SWALLOWING ? new Uint8Array() : HELLO);
    assertInstanceOf(error, Deno.errors.ConnectionReset);
    assertInstanceOf((await readToEnd(next)).error, Deno.errors.ConnectionReset);
    // The client did send on the first association, but its OPEN was never accepted there.
    assert(run.owned().fromClient > NEXT_OPEN);
    const [first, second] = handlers.clientLines.filter(({ event }) => event === "session").map(({ session }) =>
      session
    );
    assertEquals(second, String(first).replace(/\.1$/, ".2"));
    assertEquals(handlers.serverLines.filter(({ event }) => event === "session").length, 1);
    await finish(run, application, target, next);
  }
});

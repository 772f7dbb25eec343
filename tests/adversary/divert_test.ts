/**
 * Diversion: the owner of one channel, who also reads one target's traffic, changes stream numbers and ports, so that one
 * application's bytes would go to another's target.
 */
import { assertEquals } from "@std/assert";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { associateLength } from "../../src/wire/associate.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { settle } from "../support/time/fake_clock.ts";
import { FORWARD, Handlers } from "../support/handlers/handlers_in_memory.ts";
import { Interposer } from "../support/network/interposer.ts";
import "../support/system/native.ts";

const HELLO = new TextEncoder().encode("hello");
const SECRET = new TextEncoder().encode("password=hunter2");
/** The forward to port 81, and its target. */
const NEXT_FORWARD = { host: "127.0.0.1", port: 8081 }, NEXT_TARGET = { host: "127.0.0.2", port: 8001 };

// The client's bytes on a channel: the list; then shares of KEY and of a record for each frame.
const OPEN_LENGTH = 4, LEAD = RECORD_HEAD_LENGTH + FRAME_HEAD_LENGTH;
const OPEN = associateLength(3) + KEY_LENGTH, DATA = OPEN + LEAD + OPEN_LENGTH;
const NEXT_OPEN = DATA + LEAD + HELLO.length, NEXT_DATA = NEXT_OPEN + LEAD + OPEN_LENGTH;
const ALL = NEXT_DATA + LEAD + SECRET.length;

/** Offsets in a record: its frame's type, the last byte of its stream, and an OPEN's port. */
const TYPE = RECORD_HEAD_LENGTH, STREAM = TYPE + 4, PORT = LEAD + 2;

/** Bits to flip, by offset. */
type Flips = readonly (readonly [at: number, bits: number])[];

const TO_DATA = FrameType.Open ^ FrameType.Data, TO_FIRST = 1 ^ 2;

/**
 * Attacks, and what each target then hears on its connections, with `!` for a reset: a session that was answered or had sent
 * something is reset, any other is asked for again on another association.
 */
const ATTACKS: Record<string, { readonly flips: Flips; readonly heard: readonly (readonly string[])[] }> = {
  "the second session's DATA becomes the first one's": {
    flips: [[NEXT_DATA + STREAM, TO_FIRST]],
    heard: [["hello!"], ["!"]],
  },
  "the second OPEN becomes DATA of the first session": {
    flips: [[NEXT_OPEN + TYPE, TO_DATA], [NEXT_OPEN + STREAM, TO_FIRST]],
    heard: [["hello!"], ["password=hunter2"]],
  },
  "the second OPEN asks for the first one's port": {
    flips: [[NEXT_OPEN + PORT, 80 ^ 81]],
    heard: [["hello!"], ["password=hunter2"]],
  },
  "the first OPEN asks for the second one's port": {
    flips: [[OPEN + PORT, 80 ^ 81]],
    heard: [["hello"], ["password=hunter2"]],
  },
  "the first session's DATA swallows the second OPEN": {
    flips: [[DATA + LEAD - 1, HELLO.length ^ HELLO.length + LEAD]],
    heard: [["!"], ["password=hunter2"]],
  },
};

/** Settings under which nothing passes but what the offsets say: no OFFER, and no ACK. */
const PLANNED = { server: "timeouts: {rejoin: 0}", client: "timeouts: {rejoin: 0}" };

/** Handlers whose first channel is the adversary's; it tampers only with the first association. */
function attacked(flips: Flips) {
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
      const interposer = new Interposer(path, {}, mine ? { change } : {});
      if (mine) owned = interposer;
      paths.push(interposer);
    },
  }, PLANNED);
  const finish = async (...held: Connection[]) => {
    for (const connection of held) connection.close();
    await handlers.client.close();
    await handlers.server.close();
    await Promise.all(paths.map(({ done }) => done));
    await handlers.close();
  };
  return { handlers, finish, sent: () => owned!.fromClient };
}

/** Opens a session whose application sends something once all has settled. */
async function say(handlers: Handlers, at: typeof FORWARD, bytes: Uint8Array): Promise<Connection> {
  const application = await handlers.network.connect(at);
  await settle();
  await writeAll(application, bytes).catch(() => {});
  await settle();
  return application;
}

/** Collects what a target hears on each of its connections, as text. */
function listen(handlers: Handlers, listener = handlers.targets) {
  const heard: string[] = [], connections: Connection[] = [];
  const over = (async () => {
    for (let one = await listener.accept(); one !== null; one = await listener.accept()) {
      const index = connections.push(one) - 1;
      heard[index] = "";
      hear(one, (text) => heard[index]! += text);
    }
  })();
  return { heard, connections, over };
}

async function hear(connection: Connection, said: (text: string) => void): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
      said(new TextDecoder().decode(buffer.subarray(0, length)));
    }
    said(".");
  } catch {
    said("!");
  }
}

Deno.test("without an adversary, two sessions share an association and reach their own targets", async () => {
  const { handlers, finish, sent } = attacked([]);
  const nextListener = handlers.network.listen(NEXT_TARGET);
  const first = listen(handlers), second = listen(handlers, nextListener);
  const applications = [await say(handlers, FORWARD, HELLO), await say(handlers, NEXT_FORWARD, SECRET)];
  // The offsets of the attacks below are right.
  assertEquals(sent(), ALL);
  for (const application of applications) await application.closeWrite();
  await settle();
  assertEquals([first.heard, second.heard], [["hello."], ["password=hunter2."]]);
  assertEquals(handlers.serverLines.filter(({ event }) => event === "association").length, 1);
  nextListener.close();
  await finish(...applications, ...first.connections, ...second.connections);
  await Promise.all([first.over, second.over]);
});

for (const [name, { flips, heard }] of Object.entries(ATTACKS)) {
  Deno.test(`${name}: the association is reset, and no target hears another's bytes`, async () => {
    const { handlers, finish } = attacked(flips);
    const nextListener = handlers.network.listen(NEXT_TARGET);
    const first = listen(handlers), second = listen(handlers, nextListener);
    const applications = [await say(handlers, FORWARD, HELLO), await say(handlers, NEXT_FORWARD, SECRET)];
    await settle();
    assertEquals([first.heard, second.heard], heard);
    const failed = handlers.serverLines.filter(({ event }) => event === "association failed");
    assertEquals(failed.map(({ reason }) => reason), ["a record with a wrong hash: it was tampered with"]);
    const next = await say(handlers, NEXT_FORWARD, SECRET);
    assertEquals(second.heard.at(-1), "password=hunter2");
    nextListener.close();
    await finish(...applications, next, ...first.connections, ...second.connections);
    await Promise.all([first.over, second.over]);
  });
}

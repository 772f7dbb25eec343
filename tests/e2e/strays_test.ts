import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { startPair } from "../support/handlers/handlers.ts";
import { bounded } from "../support/programs/process.ts";
import { connect, drain, flood, pattern, readExactly, Target } from "../support/programs/tcp.ts";

/** Time limit for a connection that does not associate, in milliseconds (docs/PROTOCOL.md), with a margin. */
const HANDSHAKE_LIMIT = 5_000 + 1_500;

/** Length of "MICSS", the version, and the cookie. */
const GREETING_LENGTH = 22;

/** Start of an associate message of three channels: type, scheme XOR, threshold, n. The cookies follow. */
const ASSOCIATE_HEAD = Uint8Array.of(1, 1, 3, 3);

Deno.test("a stranger that sends garbage is disconnected in time and disturbs no session", () =>
  assertClosed(async (stranger) => {
    await writeAll(stranger, pattern(500, 7));
  }));

Deno.test("a stranger that sends nothing is disconnected in time and disturbs no session", () =>
  assertClosed(async () => {}));

Deno.test("a stranger that starts correctly and stops is disconnected in time and disturbs no session", () =>
  assertClosed(async (stranger, cookie) => {
    await writeAll(stranger, new Uint8Array([...ASSOCIATE_HEAD, ...cookie, ...pattern(20)]));
  }));

Deno.test("a stranger that sends too much is disconnected in time and disturbs no session", () =>
  assertClosed(async (stranger, cookie) => {
    await writeAll(stranger, new Uint8Array([...ASSOCIATE_HEAD, ...cookie, ...pattern(32)]));
    await flood(stranger, pattern(64 * 1024));
  }));

/** Runs a stranger on each channel's port while a session's bytes flow in both directions. */
async function assertClosed(behave: (stranger: Connection, cookie: Uint8Array) => Promise<void>): Promise<void> {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  let closed = false;
  let rounds = 0;
  const talk = async () => {
    const question = pattern(10_000);
    for (; !closed || rounds === 0; rounds++) {
      await writeAll(application, question);
      await writeAll(served, await readExactly(served, question.length));
      assertEquals(await readExactly(application, question.length), question);
    }
  };
  const strangers = pair.channels.map(async (channel) => {
    using stranger = await connect(channel);
    const greeting = await readExactly(stranger, GREETING_LENGTH);
    assertEquals(new TextDecoder().decode(greeting.subarray(0, 5)), "MICSS");
    const gone = Promise.all([drain(stranger), behave(stranger, greeting.subarray(6)).catch(() => {})]);
    await bounded(gone, () => `the end of a stranger at ${formatAddress(channel)}`, HANDSHAKE_LIMIT);
  });
  await Promise.all([talk(), Promise.all(strangers).finally(() => closed = true)]);
  const complaints = (await pair.server.waitForLogs(strangers.length, "channel not associated")).length;
  assert(complaints === strangers.length, `${complaints} complaints of 3 strangers\n${pair.server.describe()}`);
}

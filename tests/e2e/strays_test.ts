import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { startPair } from "../support/handlers/handlers.ts";
import { bounded } from "../support/programs/process.ts";
import { connect, drain, flood, pattern, readExactly, sha256, Target } from "../support/programs/tcp.ts";

/** Time limit for a connection that does not associate, in milliseconds (docs/PROTOCOL.md), with a busy machine's margin. */
const HANDSHAKE_LIMIT = 5_000 + 10_000;

/** Length of "MICSS", the version, and the cookie. */
const GREETING_LENGTH = 22;

/** Start of an associate message of three channels: type, scheme XOR, threshold, n. The cookies follow. */
const ASSOCIATE_HEAD = Uint8Array.of(1, 1, 3, 3);

type Behaviour = (stranger: Connection, cookie: Uint8Array) => Promise<void>;

/** Strangers that the server waits for, and that send what no client does. */
const STRANGERS: Record<string, Behaviour> = {
  async "sends nothing"() {},
  async "starts correctly and stops"(stranger, cookie) {
    await writeAll(stranger, new Uint8Array([...ASSOCIATE_HEAD, ...cookie, ...pattern(20)]));
  },
  async "sends garbage"(stranger) {
    await writeAll(stranger, pattern(500, 7));
  },
  async "sends too much"(stranger, cookie) {
    await writeAll(stranger, new Uint8Array([...ASSOCIATE_HEAD, ...cookie, ...pattern(32)]));
    await flood(stranger, pattern(64 * 1024));
  },
};

/** Pause between two rounds of a session's bytes, in milliseconds. */
const PAUSE = 20;

/** Runs strangers of each kind on two channels' ports while a session's bytes flow in both directions. */
Deno.test("strangers that send nothing, stop, or send garbage or too much are disconnected in time and disturb no session", async () => {
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
      assertEquals(sha256(await readExactly(application, question.length)), sha256(question));
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  };
  // All but one of the channels, in turn: a handler logs at most ten such lines within ten seconds.
  const strangers = Object.entries(STRANGERS).flatMap(([name, behave], kind) =>
    pair.channels.filter((_, at) => at !== kind % pair.channels.length).map(async (channel) => {
      using stranger = await connect(channel);
      const greeting = await readExactly(stranger, GREETING_LENGTH);
      assertEquals(new TextDecoder().decode(greeting.subarray(0, 5)), "MICSS");
      const gone = Promise.all([drain(stranger), behave(stranger, greeting.subarray(6)).catch(() => {})]);
      const who = () => `the end of a stranger that ${name} at ${formatAddress(channel)}`;
      await bounded(gone, who, HANDSHAKE_LIMIT);
    })
  );
  await Promise.all([talk(), Promise.all(strangers).finally(() => closed = true)]);
  const complaints = (await pair.server.waitForLogs(strangers.length, "channel not associated")).length;
  assert(
    complaints === strangers.length,
    `${complaints} complaints of ${strangers.length} strangers\n${pair.server.describe()}`,
  );
});

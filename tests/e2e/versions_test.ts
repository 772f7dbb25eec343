/** Peers with different protocol versions, as during an upgrade: each side reports it in one line. */
import { assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import { type Listener, writeAll } from "../../src/net/connection.ts";
import { micssCommand, startClient, startPair } from "../support/handlers/handlers.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { freePort } from "../support/programs/programs.ts";
import { connect, drain, listenTo, readExactly, Target } from "../support/programs/tcp.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
const MAGIC = new TextEncoder().encode("MICSS");
const COOKIE_LENGTH = 16;

/** A server handler of another version, as far as all versions agree: the greeting. */
class OtherServer implements AsyncDisposable {
  readonly channels: Address[];
  /** Bytes received from clients. */
  received = 0;
  readonly #listeners;
  readonly #serving: Promise<void>[] = [];

  constructor(readonly version: number) {
    this.#listeners = HOSTS.map((host) => systemNetwork.listen({ host, port: 0 }));
    this.channels = this.#listeners.map(({ address }) => address);
    for (const listener of this.#listeners) this.#serving.push(this.#serve(listener));
  }

  async #serve(listener: Listener): Promise<void> {
    for (let connection = await listener.accept(); connection !== null; connection = await listener.accept()) {
      const cookie = crypto.getRandomValues(new Uint8Array(COOKIE_LENGTH));
      await writeAll(connection, new Uint8Array([...MAGIC, this.version, ...cookie])).catch(() => {});
      this.received += (await drain(connection)).bytes;
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await Promise.all(this.#serving);
  }
}

for (const [version, hint] of [[3, "upgrade this client handler"], [1, "upgrade that server handler"]] as const) {
  Deno.test(`a client facing a server of version ${version} resets, sends nothing, and says which one to upgrade`, async () => {
    await using other = new OtherServer(version);
    const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
    await using client = await startClient(other.channels, ["--forward", `${formatAddress(entry)}=web:80`]);
    assertEquals((await listenTo(entry)).ending, "reset");
    const line = await client.waitForLog("session refused");
    assertMatch(
      String(line.reason),
      new RegExp(
        `^channel [123] \\(127\\.0\\.0\\.[123]:\\d+\\): the server handler speaks protocol ${version}, this one 2$`,
      ),
    );
    assertEquals(String(line.hint).split("; ")[0], hint);
    const warnings = client.logged(/.*/).filter(({ level }) => level !== "info" && level !== "debug");
    assertEquals(warnings.map(({ event }) => event), ["session refused"]);
    assertEquals(other.received, 0);
  });
}

Deno.test("micss identify reports a server of another version", async () => {
  await using other = new OtherServer(1);
  await using directory = await makeTempDir();
  const micss = await micssCommand();
  const key = `${directory.path}/web.key`;
  const cwd = new URL("../../", import.meta.url).pathname;
  await run([...micss, "keygen", "hmac", "--out", key], { cwd });
  const asked = await run([...micss, "identify", formatAddress(other.channels[0]!), "--key", key], {
    cwd,
    mayFail: true,
    env: { XDG_STATE_HOME: directory.path },
  });
  assertEquals(asked.code, 1);
  assertMatch(asked.stderr, /^micss identify: .*the server handler speaks protocol 1, this one 2\n$/);
  assertEquals(other.received, 0);
});

Deno.test("a server left by a client of another version logs one line with the likely cause", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  // A client of version 1 reads each channel's greeting, sees the version, and closes.
  await Promise.all(pair.channels.map(async (channel) => {
    using connection = await connect(channel);
    const head = await readExactly(connection, MAGIC.length + 1);
    assertEquals([...head], [...MAGIC, 2]);
  }));
  const line = await pair.server.waitForLog("channel not associated");
  assertEquals(line.reason, "closed by the other side before it sent anything");
  assertEquals(line.hint, "did the client fail on another channel, or does it speak another protocol version than 2?");
  // It still serves its own version, and has logged once although three channels closed.
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  await writeAll(application, Uint8Array.of(1));
  assertEquals([...await readExactly(served, 1)], [1]);
  assertEquals((await pair.server.waitForLogs(1, "channel not associated")).length, 1);
});

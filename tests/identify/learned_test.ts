import { assertEquals, assertRejects } from "@std/assert";
import { answerIdentify, toWire } from "../../src/identify/answer.ts";
import { IdentifyError } from "../../src/identify/exchange.ts";
import { Learned, type LearnedOptions } from "../../src/identify/learned.ts";
import type { ScopedKey } from "../../src/identify/learned.ts";
import { Store } from "../../src/identify/store.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import { encodeIdentifyRefusal, IdentifyRefusal } from "../../src/wire/identify.ts";
import { impersonate } from "../support/handlers/answers.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { makeKey, type Pair, scoped } from "../support/handlers/keys.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { BEGINNING, Lines } from "../support/handlers/world.ts";

const FIRST = { host: "192.0.2.1", port: 6522 };
const CHANNELS = [FIRST, { host: "198.51.100.1", port: 6522 }];
const HOUR = 3_600_000;

/** A scripted server handler, and a client that learns from it. */
class Scene implements AsyncDisposable {
  readonly network = new MemoryNetwork();
  readonly clock = new FakeClock();
  readonly lines = new Lines();
  /** Number of requests received. */
  questions = 0;
  /** Channels that the server announces. */
  channels = CHANNELS;
  /** Delays answers until it resolves. */
  answering: Promise<void> = Promise.resolve();
  readonly store: Store;
  readonly #directory: AsyncDisposable;

  private constructor(directory: AsyncDisposable & { path: string }) {
    this.#directory = directory;
    this.store = new Store(`${directory.path}/channels.db`, this.clock, this.lines.log);
  }

  static async open(): Promise<Scene> {
    return new Scene(await makeTempDir());
  }

  learned(keys: readonly ScopedKey[], options: Partial<LearnedOptions> = {}): Learned {
    const { network, clock, store } = this;
    const now = () => BEGINNING + clock.now();
    return new Learned({
      keys: () => keys,
      store,
      network,
      clock,
      now,
      timeout: () => 5000,
      log: this.lines.log,
      ...options,
    });
  }

  /** Gives the server these keys until the scene ends or the result is disposed. */
  serve(...keys: readonly Pair[]): Disposable {
    return impersonate(this.network, FIRST, encodeGreeting(new Uint8Array(16)), async (connection, bytes) => {
      this.questions++;
      await this.answering;
      await writeAll(connection, await this.#answer(keys, connection, bytes));
    });
  }

  async #answer(keys: readonly Pair[], { local }: Connection, bytes: Uint8Array): Promise<Uint8Array> {
    const question = { keyId: bytes.slice(1, 9), nonce: bytes.slice(9) };
    const key = keys.find(({ server }) => server.id.toHex() === question.keyId.toHex());
    if (key === undefined) return encodeIdentifyRefusal(IdentifyRefusal.NoSuchKey);
    const channels = this.channels.map((channel) => toWire(channel)!);
    return await answerIdentify(question, key.server, toWire(local)!, { channels, valid: 3600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store.close();
    await this.#directory[Symbol.asyncDispose]();
  }
}

Deno.test("concurrent requests share one exchange, and later ones its result", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  using _ = scene.serve(key);
  const learned = scene.learned(scoped(FIRST.host, key));
  const entries = await Promise.all(Array.from({ length: 50 }, () => learned.find(FIRST.host)));
  const expected = {
    address: FIRST.host,
    channels: CHANNELS,
    source: "exchange" as const,
    learned: BEGINNING,
    expires: BEGINNING + HOUR,
    key: key.client.id.toHex(),
  };
  assertEquals(entries, Array(50).fill(expected));
  assertEquals(await learned.find(FIRST.host), expected);
  assertEquals([scene.questions, scene.network.openEnds, scene.clock.pending], [1, 0, 0]);
});

Deno.test("concurrent requests share one failure, and none is sent for five seconds", async () => {
  await using scene = await Scene.open();
  const [key, other] = [await makeKey(), await makeKey()];
  using _ = scene.serve(other);
  const learned = scene.learned(scoped(FIRST.host, key));
  const find = () => assertRejects(() => learned.find(FIRST.host), IdentifyError, "has no key");
  await Promise.all(Array.from({ length: 50 }, find));
  await scene.clock.advance(4_999);
  await find();
  assertEquals(scene.questions, 1);
  await scene.clock.advance(1);
  await find();
  assertEquals(scene.questions, 2);
});

Deno.test("without a key, no request is sent", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  using _ = scene.serve(key);
  for (const scope of ["192.0.2.2", "192.0.3.0/24", "web.example"]) {
    assertEquals(await scene.learned(scoped(scope, key)).find(FIRST.host), null);
  }
  assertEquals(scene.questions, 0);
});

Deno.test("a key for a network applies to every address in it, one for a name to its addresses", async () => {
  for (
    const [of, names] of [["192.0.2.0/24", []], ["::ffff:192.0.2.1", []], ["web.example", ["web.example"]]] as const
  ) {
    await using scene = await Scene.open();
    const key = await makeKey();
    using _ = scene.serve(key);
    const entry = await scene.learned(scoped(of.includes(":") ? `[${of}]` : of, key)).find(FIRST.host, names);
    assertEquals(entry?.channels, CHANNELS, of);
  }
});

Deno.test("after four fifths of its lifetime an entry is renewed, once, while in use", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  using _ = scene.serve(key);
  const learned = scene.learned(scoped(FIRST.host, key));
  await learned.find(FIRST.host);
  await scene.clock.advance(0.8 * HOUR - 1);
  await learned.find(FIRST.host);
  await settle();
  assertEquals(scene.questions, 1);
  await scene.clock.advance(1);
  scene.channels = [FIRST, { host: "198.51.100.2", port: 7000 }];
  const answer = Promise.withResolvers<void>();
  scene.answering = answer.promise;
  const old = await Promise.all(Array.from({ length: 10 }, () => learned.find(FIRST.host)));
  assertEquals(old.map((entry) => entry?.channels), Array(10).fill(CHANNELS));
  answer.resolve();
  await scene.lines.until("channels identified", 2);
  assertEquals((await learned.find(FIRST.host))?.channels, scene.channels);
  assertEquals((await learned.find(FIRST.host))?.expires, BEGINNING + 1.8 * HOUR);
  assertEquals(scene.questions, 2);
});

Deno.test("if a renewal fails, the old entry is used until it expires, and no longer", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  const server = scene.serve(key);
  const learned = scene.learned(scoped(FIRST.host, key));
  await learned.find(FIRST.host);
  server[Symbol.dispose]();
  await scene.clock.advance(0.9 * HOUR);
  assertEquals((await learned.find(FIRST.host))?.channels, CHANNELS);
  const line = await scene.clock.until(scene.lines.until("channels not renewed"));
  assertEquals([line["address"], line["valid-until"]], [FIRST.host, "2030-01-01T01:00:00.000Z"]);
  assertEquals(line["reason"], "192.0.2.1:6522 did not identify its channels: Connection refused");
  // Not repeated for a minute, however many need it.
  await scene.clock.advance(59_999);
  await learned.find(FIRST.host);
  await settle();
  assertEquals(scene.lines.of("channels not renewed").length, 1);
  await scene.clock.advance(1);
  await learned.find(FIRST.host);
  await scene.clock.until(scene.lines.until("channels not renewed", 2));
  await scene.clock.advance(HOUR - 1 - scene.clock.now());
  assertEquals((await learned.find(FIRST.host))?.channels, CHANNELS);
  await scene.clock.advance(1);
  await assertRejects(() => scene.clock.until(learned.find(FIRST.host)), IdentifyError, "Connection refused");
});

Deno.test("renewals that fail for many servers don't flood the log", async () => {
  await using scene = await Scene.open();
  const key = await makeKey(), hosts = Array.from({ length: 12 }, (_, at) => `203.0.113.${at}`);
  for (const address of hosts) {
    const times = { learned: BEGINNING, expires: BEGINNING + HOUR };
    scene.store.keep({ address, channels: CHANNELS, source: "exchange", key: key.client.id.toHex(), ...times });
  }
  const learned = scene.learned(hosts.flatMap((host) => scoped(host, key)));
  await scene.clock.advance(0.9 * HOUR);
  for (const host of hosts) await learned.find(host);
  const notRenewed = () => scene.lines.of("channels not renewed");
  await scene.clock.until(scene.lines.until("channels not renewed", 10));
  await settle();
  assertEquals(notRenewed().length, 10);
  await scene.clock.advance(10_000);
  assertEquals(notRenewed().slice(10).map((line) => line["more-times"]), [2]);
});

Deno.test("of a client's several keys the server's is found, so that keys can be rotated", async () => {
  await using scene = await Scene.open();
  const [older, newer] = [await makeKey("hmac"), await makeKey("ed25519")];
  const learned = scene.learned(scoped(FIRST.host, newer, older));
  {
    using _ = scene.serve(older);
    assertEquals((await learned.find(FIRST.host))?.key, older.client.id.toHex());
    assertEquals(scene.questions, 2);
  }
  {
    using _ = scene.serve(older, newer);
    await scene.clock.advance(HOUR);
    assertEquals((await learned.find(FIRST.host))?.key, newer.client.id.toHex());
  }
  await scene.clock.advance(HOUR);
  using _ = scene.serve(newer);
  assertEquals((await learned.find(FIRST.host))?.key, newer.client.id.toHex());
});

Deno.test("entries authenticated by a removed key are not used while there are other keys", async () => {
  await using scene = await Scene.open();
  const [older, newer] = [await makeKey(), await makeKey()];
  using _ = scene.serve(older, newer);
  await scene.learned(scoped(FIRST.host, older)).find(FIRST.host);
  assertEquals((await scene.learned([]).find(FIRST.host))?.key, older.client.id.toHex());
  assertEquals((await scene.learned(scoped(FIRST.host, newer)).find(FIRST.host))?.key, newer.client.id.toHex());
  assertEquals(scene.questions, 2);
});

Deno.test("an imported entry is used whatever the keys, and not renewed", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  using _ = scene.serve(key);
  const entry = { address: FIRST.host, channels: CHANNELS, learned: BEGINNING, expires: BEGINNING + HOUR, key: null };
  scene.store.keep({ ...entry, source: "import" });
  const learned = scene.learned(scoped(FIRST.host, key));
  await scene.clock.advance(HOUR - 1);
  assertEquals((await learned.find(FIRST.host))?.source, "import");
  await settle();
  assertEquals(scene.questions, 0);
  await scene.clock.advance(1);
  assertEquals((await learned.find(FIRST.host))?.source, "exchange");
});

Deno.test("keys for several ports of one address share one time limit", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  using _ = scene.serve(key);
  const learned = scene.learned([...scoped(`${FIRST.host}:7000`, key), ...scoped(FIRST.host, key)]);
  assertEquals((await learned.find(FIRST.host))?.channels, CHANNELS);
  const silent = impersonate(scene.network, { ...FIRST, port: 7000 }, new Uint8Array(0), () => new Promise(() => {}));
  using _silent = silent;
  await scene.clock.advance(HOUR);
  const finding = assertRejects(() => learned.find(FIRST.host), IdentifyError, "no answer within 5 s");
  await scene.clock.advance(5_000);
  await finding;
});

Deno.test("closing aborts exchanges under way, and stores nothing", async () => {
  await using scene = await Scene.open();
  const key = await makeKey();
  using _ = scene.serve(key);
  scene.answering = new Promise(() => {});
  const learned = scene.learned(scoped(FIRST.host, key));
  const finding = assertRejects(() => learned.find(FIRST.host), IdentifyError, "the handler is ending");
  await settle();
  learned.close();
  await finding;
  assertEquals([scene.store.find(FIRST.host), scene.clock.pending], [undefined, 0]);
});

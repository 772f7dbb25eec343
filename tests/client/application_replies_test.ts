/** Replies to applications and their timing, with in-memory handlers; the test plays the target. */
import { assertEquals, assertRejects } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { ClientHandler } from "../../src/client/mod.ts";
import { clientSpec } from "../../src/config/client.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { Address } from "../../src/net/address.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { silentLog } from "../../src/log/log.ts";
import { ServerHandler } from "../../src/server/mod.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import "../support/system/native.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { latin1, readSome } from "../support/handlers/talk.ts";

const TARGET: Address = { host: "10.9.9.9", port: 8080 };
const SOCKS5: Address = { host: "127.0.0.1", port: 1080 };
const HTTP: Address = { host: "127.0.0.1", port: 3128 };
const FORWARD: Address = { host: "127.0.0.1", port: 8000 };
const HOSTS = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];

/** The SOCKS5 greeting and a request for port 80 of the server "web", or another one. */
const ASK = "050100" + "05010003037765620050";
const ASK_PORT_81 = ASK.replace(/50$/, "51");
const SUCCESS = "0500" + "05000001000000000000";
const failure = (reply: number) => `0500050${reply}0001000000000000`;

/** Both handlers and a listening target. */
class World implements AsyncDisposable {
  readonly network = new MemoryNetwork({ onConnect: (to) => this.onConnect(to) });
  readonly clock = new FakeClock();
  /** Delays a connection or lets it fail. */
  onConnect: (to: Address) => void | Promise<void> = () => {};
  readonly server: ServerHandler;
  readonly client: ClientHandler;
  readonly #target = this.network.listen(TARGET);
  readonly #ends: Connection[] = [];

  constructor(clientFlags: string[] = [], target = `80=${TARGET.host}:${TARGET.port}`) {
    const system = { network: this.network, clock: this.clock };
    const channels = HOSTS.flatMap((host) => ["--channel", host]);
    const serverConfig = parseConfig("", serverSpec, [...channels, "--target", target], () => "");
    this.server = new ServerHandler({ config: serverConfig, log: silentLog, system });
    const entries = ["--socks5", "127.0.0.1:1080", "--http-connect", "127.0.0.1:3128"];
    const flags = [
      "--server",
      `web=${HOSTS}`,
      "--forward",
      "127.0.0.1:8000=web:80",
      "--config",
      "file",
      ...entries,
      ...clientFlags,
    ];
    this.client = new ClientHandler(parseConfig("", clientSpec, flags, () => "warm: 0\n"), {
      log: silentLog,
      system: {
        ...system,
        resolve: () => Promise.reject(new Error("no names here")),
        originalDestination: () => undefined,
        makeTransparent: () => {},
      },
    });
  }

  /** Connects an application that sends bytes. */
  async ask(way: Address, words: string | Uint8Array): Promise<Connection> {
    const application = await this.network.connect(way);
    this.#ends.push(application);
    await writeAll(application, typeof words === "string" ? Uint8Array.fromHex(words) : words);
    return application;
  }

  /** The target's next connection. */
  async accept(): Promise<Connection> {
    const connection = (await this.#target.accept())!;
    this.#ends.push(connection);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end.close();
    this.#target.close();
    await this.client.close();
    await this.server.close();
    // Associations end once their last frames have left.
    await settle();
    assertEquals([this.network.openEnds, this.network.openListeners], [0, 0]);
  }
}

/** Asserts that the next bytes are `expected`. */
async function assertReads(connection: Connection, expected: string): Promise<void> {
  const bytes = new Uint8Array(expected.length / 2);
  await readFull(connection, bytes);
  assertEquals(bytes.toHex(), expected);
}

/** Keeps connecting to the target under way until `connected` is resolved; `reached` resolves when it has begun. */
function holdTarget(world: World): Record<"connected" | "reached", PromiseWithResolvers<void>> {
  const connected = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  world.onConnect = (to) => {
    if (to.port !== TARGET.port) return;
    reached.resolve();
    return connected.promise;
  };
  return { connected, reached };
}

Deno.test("success is reported once the target is connected, and not before", async () => {
  await using world = new World();
  const { connected, reached } = holdTarget(world);
  const application = await world.ask(SOCKS5, ASK);
  await assertReads(application, "0500");
  await reached.promise;
  await settle();
  let told = false;
  const reply = readSome(application).then((bytes) => {
    told = true;
    return bytes.toHex();
  });
  await world.clock.advance(9_000);
  assertEquals(told, false);
  connected.resolve();
  assertEquals(await reply, SUCCESS.slice(4));
  await world.accept();
});

Deno.test("the target's first bytes follow the success, and the application's early bytes arrive", async () => {
  for (
    const [way, words, success] of [
      [SOCKS5, Uint8Array.fromHex(`${ASK}010203`), SUCCESS],
      [
        HTTP,
        latin1("CONNECT web:80 HTTP/1.1\r\nHost: web\r\n\r\n\x01\x02\x03"),
        latin1("HTTP/1.1 200 Connection Established\r\n\r\n").toHex(),
      ],
    ] as const
  ) {
    await using world = new World();
    const application = await world.ask(way, words);
    const target = await world.accept();
    await writeAll(target, Uint8Array.of(7, 8, 9));
    await assertReads(application, `${success}070809`);
    await assertReads(target, "010203");
    await Promise.all([target.closeWrite(), application.closeWrite()]);
    assertEquals([(await readToEnd(application)).error, (await readToEnd(target)).error], [null, null]);
    target.close();
  }
});

Deno.test("two consecutive sessions use one association, with the same replies", async () => {
  await using world = new World();
  for (let session = 0; session < 2; session++) {
    const application = await world.ask(SOCKS5, ASK);
    const target = await world.accept();
    await assertReads(application, SUCCESS);
    await Promise.all([target.closeWrite(), application.closeWrite()]);
    await Promise.all([readToEnd(application), readToEnd(target)]);
    target.close();
    application.close();
    await settle();
  }
  assertEquals(world.server.associations, 1);
});

const REFUSALS = [
  ["a target that refuses", ASK, 5, () => Promise.reject(new Deno.errors.ConnectionRefused("refused"))],
  ["a target without a route", ASK, 4, () => Promise.reject(new Error("No route to host"))],
  ["a port without a target", ASK_PORT_81, 2, () => Promise.resolve()],
] as const;

for (const [what, ask, reply, connecting] of REFUSALS) {
  Deno.test(`${what} is reported with the server handler's answer`, async () => {
    await using world = new World();
    world.onConnect = (to) => to.port === TARGET.port ? connecting() : undefined;
    const application = await world.ask(SOCKS5, ask);
    const { bytes, error } = await readToEnd(application);
    assertEquals([bytes.toHex(), error], [failure(reply), null]);
  });
}

Deno.test("a target that does not answer in 10 s is reported as unreachable", async () => {
  await using world = new World();
  const reached = Promise.withResolvers<void>();
  world.onConnect = (to) => {
    if (to.port !== TARGET.port) return;
    reached.resolve();
    return new Promise(() => {});
  };
  const application = await world.ask(SOCKS5, ASK);
  await reached.promise;
  await world.clock.advance(10_000);
  assertEquals((await readToEnd(application)).bytes.toHex(), failure(4));
});

Deno.test("an unreachable server handler is reported as a general failure", async () => {
  await using world = new World();
  world.onConnect = (to) => {
    if (to.host === HOSTS[1]) throw new Deno.errors.ConnectionRefused("refused");
  };
  const application = await world.ask(SOCKS5, ASK);
  assertEquals((await world.clock.until(readToEnd(application))).bytes.toHex(), failure(1));
  const forwarded = await world.ask(FORWARD, "01");
  await assertRejects(() => forwarded.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
});

Deno.test("an unknown destination is reported as not allowed, an unresolvable name as an unreachable host", async () => {
  await using world = new World();
  const unknown = await world.ask(SOCKS5, "05010005010001cb0071010050");
  assertEquals((await readToEnd(unknown)).bytes.toHex(), failure(2));
  const nameless = await world.ask(SOCKS5, "0501000501000303787878" + "0050");
  assertEquals((await readToEnd(nameless)).bytes.toHex(), failure(4));
});

Deno.test("a handler that closes reports it to applications that wait for a reply", async () => {
  await using world = new World();
  const reached = Promise.withResolvers<void>();
  world.onConnect = (to) => {
    if (to.port !== TARGET.port) return;
    reached.resolve();
    return new Promise(() => {});
  };
  const application = await world.ask(SOCKS5, ASK);
  await reached.promise;
  const closed = world.client.close();
  assertEquals((await readToEnd(application)).bytes.toHex(), failure(1));
  application.close();
  await closed;
});

Deno.test("an application that disconnects while it waits ends its session", async () => {
  await using world = new World();
  const { connected, reached } = holdTarget(world);
  const application = await world.ask(SOCKS5, ASK);
  await reached.promise;
  application.reset();
  connected.resolve();
  const target = await world.accept();
  await assertRejects(() => target.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  target.close();
  await world.client.idle();
});

/** The PROXY header's first bytes, and the header of an unknown source. */
const SIGNATURE = "0d0a0d0a000d0a515549540a";
const LOCAL = `${SIGNATURE}20000000`;

Deno.test("a target with PROXY headers gets the application's address first on each session", async () => {
  await using world = new World(["--send-source"], `80=${TARGET.host}:${TARGET.port},proxy`);
  for (let session = 0; session < 2; session++) {
    const application = await world.ask(FORWARD, "aabbcc");
    const target = await world.accept();
    const port = new Uint8Array(new Uint16Array([application.local.port]).buffer).reverse().toHex();
    await assertReads(target, `${SIGNATURE}2111000cc6120001c0000201${port}0050aabbcc`);
    await Promise.all([target.closeWrite(), application.closeWrite()]);
    await Promise.all([readToEnd(application), readToEnd(target)]);
    target.close();
    await settle();
  }
});

Deno.test("a target with PROXY headers gets an unknown source if the client does not send it", async () => {
  await using world = new World([], `80=${TARGET.host}:${TARGET.port},proxy`);
  await world.ask(FORWARD, "aabbcc");
  const target = await world.accept();
  await assertReads(target, `${LOCAL}aabbcc`);
  target.close();
});

Deno.test("a target without PROXY headers gets only the application's bytes although the source is sent", async () => {
  await using world = new World(["--send-source"]);
  await world.ask(FORWARD, "aabbcc");
  const target = await world.accept();
  await assertReads(target, "aabbcc");
  target.close();
});

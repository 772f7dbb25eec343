/** A client handler whose own connections are redirected back to it by a rule. */
import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { NotAllowed } from "../../src/client/ingress/refusal.ts";
import { ClientHandler } from "../../src/client/handler.ts";
import { LoopGuard } from "../../src/client/loop_guard.ts";
import { clientSpec } from "../../src/config/client.ts";
import type { ScopedKey } from "../../src/identify/learned.ts";
import type { Address } from "../../src/net/address.ts";
import type { Connection, Network } from "../../src/net/connection.ts";
import { createLog, silentLog } from "../../src/log/log.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { makeKey, scoped } from "../support/handlers/keys.ts";
import type { Line } from "../support/handlers/handlers_in_memory.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { readToEnd } from "../support/handlers/pair.ts";

const REDIRECT: Address = { host: "127.0.0.1", port: 6522 };

/** A network with a REDIRECT rule without an exemption: every connection goes to the handler. */
class Redirecting implements Network {
  readonly memory = new MemoryNetwork();
  /** Connections made so far. */
  made = 0;
  /** Maximum number of ends open at once. */
  most = 0;
  readonly #destinations = new Map<string, Address>();

  async connect(to: Address): Promise<Connection> {
    this.made++;
    // Set before the handler can ask.
    this.memory.onConnect = (_, from) => void this.#destinations.set(`${from.port}`, to);
    const connection = await this.memory.connect(REDIRECT);
    this.most = Math.max(this.most, this.memory.openEnds);
    // As with the kernel, the connecting side does not see the redirection.
    return Object.defineProperty(connection, "remote", { value: to });
  }

  listen(at: Address) {
    return this.memory.listen(at);
  }

  originalDestination({ remote }: Connection): Address | undefined {
    return this.#destinations.get(`${remote.port}`);
  }
}

function start(
  network: Redirecting,
  clock: FakeClock,
  yaml: string,
  keys: readonly ScopedKey[] = [],
): { handler: ClientHandler; lines: Line[] } {
  const lines: Line[] = [];
  const config = parseConfig("", clientSpec, ["--config", "c"], () => yaml);
  const log = createLog({ format: "json", write: (line) => lines.push(JSON.parse(line)) });
  const handler = new ClientHandler(config, {
    log,
    system: {
      network,
      clock,
      originalDestination: (connection) => network.originalDestination(connection),
      makeTransparent: () => {},
    },
    keys,
  });
  return { handler, lines };
}

const CHANNELS = ["192.0.2.1:6522", "192.0.2.2:6522", "192.0.2.3:6522"];
const SERVER = 'servers: {web: ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}\nredirect: ["127.0.0.1"]\nwarm: 0\n';

Deno.test("channels that a rule sends back are refused at once and not retried, and the log names the missing rule", async () => {
  const [network, clock] = [new Redirecting(), new FakeClock()];
  const { handler, lines } = start(network, clock, SERVER);
  const application = await network.connect({ host: "192.0.2.2", port: 80 });
  // Needs no step of the clock: nothing waits.
  assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
  await settle();
  // The application's connection and three channels: nothing was made for what came back.
  assertEquals(network.made, 4);
  assertEquals(network.most, 8);
  const refused = lines.filter(({ event }) => event === "connection refused");
  assertEquals(refused.map(({ destination }) => destination).sort(), CHANNELS);
  assertEquals(handler.activity.refusals.of("loop"), 3);
  for (const { reason } of refused) {
    assertMatch(String(reason), /^this handler's own connection came back to it: .*micss rules apply --exempt-uid /);
  }
  // No retry is due.
  await clock.advance(5000);
  assertEquals(network.made, 4);
  await handler.close();
  application.close();
  await settle();
  assertEquals(network.memory.openEnds, 0);
});

Deno.test("an identification request that a rule sends back is not retried", async () => {
  const [network, clock] = [new Redirecting(), new FakeClock()];
  const key = await makeKey();
  const directory = await Deno.makeTempDir();
  const yaml = `redirect: ["127.0.0.1"]\ndatabase: ${directory}/channels.db\n`;
  const { handler, lines } = start(network, clock, yaml, scoped("192.0.2.2", key));
  const application = await network.connect({ host: "192.0.2.2", port: 80 });
  assertInstanceOf((await readToEnd(application)).error, Deno.errors.ConnectionReset);
  await clock.advance(5000);
  assertEquals(network.made, 2);
  assertEquals(handler.activity.refusals.of("loop"), 1);
  assertEquals(lines.filter(({ event }) => event === "connection refused").length, 2, JSON.stringify(lines));
  await handler.close();
  application.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("many connections that come back log one line per channel, and no more for ten seconds", async () => {
  const [network, clock] = [new Redirecting(), new FakeClock()];
  const { handler, lines } = start(network, clock, SERVER);
  const attempts = async () => {
    for (let i = 0; i < 20; i++) {
      const application = await network.connect({ host: "192.0.2.2", port: 80 });
      await readToEnd(application);
      application.close();
      await settle();
    }
  };
  const refused = () => lines.filter(({ event }) => event === "connection refused");
  await attempts();
  assertEquals(refused().map(({ destination }) => destination).sort(), CHANNELS);
  await clock.advance(10_000);
  await attempts();
  const later = refused().slice(3);
  assertEquals(later.map(({ destination }) => destination).sort(), CHANNELS);
  assertEquals(later.map(({ repeated }) => repeated), [19, 19, 19]);
  await handler.close();
});

Deno.test("a direct connection that a rule sends back is refused as well", async () => {
  const [network, clock] = [new Redirecting(), new FakeClock()];
  const { handler, lines } = start(network, clock, `${SERVER}unknown: direct\n`);
  const application = await network.connect({ host: "203.0.113.9", port: 80 });
  await readToEnd(application);
  await settle();
  assertEquals(network.made, 2);
  assertEquals(lines.filter(({ event }) => event === "connection refused").length, 1, JSON.stringify(lines));
  await handler.close();
  application.close();
});

const TO: Address = { host: "192.0.2.1", port: 6522 };

Deno.test("another program's connection passes, even to the same destination at the same time", async () => {
  const memory = new MemoryNetwork();
  const loops = new LoopGuard(memory, new FakeClock(), silentLog);
  const listener = loops.listen(TO);
  const mine = await loops.connect(TO);
  const accepted = await listener.accept();
  const theirs = await memory.connect(TO);
  const other = await listener.accept();
  await assertRejects(() => loops.check(accepted!, TO), NotAllowed, "this handler's own connection came back");
  await loops.check(other!, TO);
  for (const one of [mine, accepted!, theirs, other!]) one.close();
  listener.close();
});

Deno.test("a connection that comes back before connect() resolves is recognized", async () => {
  const made = Promise.withResolvers<void>();
  const memory = new MemoryNetwork();
  const slow: Network = {
    connect: async (to) => {
      const connection = await memory.connect(to);
      await made.promise;
      return connection;
    },
    listen: (at) => memory.listen(at),
  };
  const loops = new LoopGuard(slow, new FakeClock(), silentLog);
  const listener = loops.listen(TO);
  const connecting = loops.connect(TO);
  const accepted = await listener.accept();
  const checked = assertRejects(() => loops.check(accepted!, TO), NotAllowed);
  // A connection to another destination does not wait for it.
  const elsewhere = await memory.listen({ host: "192.0.2.9", port: 80 });
  const other = await memory.connect({ host: "192.0.2.9", port: 80 });
  await loops.check((await elsewhere.accept())!, { host: "192.0.2.9", port: 80 });
  made.resolve();
  await checked;
  (await connecting).close();
  for (const one of [accepted!, other]) one.close();
});

Deno.test("a connection is forgotten after some seconds, when another program may have its port", async () => {
  const memory = new MemoryNetwork();
  const clock = new FakeClock();
  const loops = new LoopGuard(memory, clock, silentLog);
  const listener = loops.listen(TO);
  (await loops.connect(TO)).close();
  const accepted = await listener.accept();
  await clock.advance(1999);
  await assertRejects(() => loops.check(accepted!, TO), NotAllowed);
  await clock.advance(2001);
  await loops.check(accepted!, TO);
  accepted!.close();
  listener.close();
});

Deno.test("a connection from the same port to another destination passes", async () => {
  const memory = new MemoryNetwork();
  const loops = new LoopGuard(memory, new FakeClock(), silentLog);
  const listener = loops.listen(TO);
  const mine = await loops.connect(TO);
  const accepted = await listener.accept();
  await loops.check(accepted!, { host: "web", port: 80 });
  await loops.check(accepted!, { ...TO, port: 80 });
  for (const one of [mine, accepted!]) one.close();
  listener.close();
});

/** Two of three channels suffice: both handlers over an in-memory network. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Handlers, lineOf } from "../support/handlers/handlers_in_memory.ts";
import { sendAll } from "../support/handlers/pair.ts";
import { Interposer, type Tampering } from "../support/network/interposer.ts";
import type { Interposed, MemoryNetworkOptions } from "../support/network/memory_network.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { exchange } from "./exchange.ts";

const { ConnectionRefused } = Deno.errors;

const TWO = "threshold: 2";

/** Both handlers with a threshold of 2, and the paths of their channels. */
class Paths {
  readonly handlers: Handlers;
  readonly #last = new Map<string, Interposer>();

  constructor(
    options: MemoryNetworkOptions = {},
    interposer = (path: Interposed, _channel: number) => new Interposer(path),
  ) {
    this.handlers = new Handlers({
      ...options,
      interposes: ({ port }) => port === 6522,
      interpose: (path, { host }) => void this.#last.set(host, interposer(path, Number(host.at(-1)))),
    }, { server: TWO, client: TWO });
  }

  of(channel: number): Interposer {
    return this.#last.get(`192.0.2.${channel}`)!;
  }
}

function assertNoneReset({ clientLines, serverLines }: Handlers): void {
  const lines = [...clientLines, ...serverLines];
  assertEquals(lines.filter(({ event }) => /session (reset|refused)|association failed/.test(event)), []);
}

Deno.test("with a threshold, sessions are carried whole, with any chunking", async () => {
  await forSeeds(2, async (random) => {
    const { handlers } = new Paths({ chunk: (available) => random.between(1, available) });
    for (const length of [1, 1000, 100_000]) {
      const { application, target } = await handlers.session();
      await exchange(application, target, random, length);
      for (const end of [application, target]) end.close();
    }
    assertNoneReset(handlers);
    await handlers.close();
  });
});

for (const how of ["reset", "close", "silence"] as const) {
  Deno.test(`a channel of which none is needed may be gone at any moment: ${how}`, async () => {
    await forSeeds(6, async (random) => {
      const victim = random.between(1, 3);
      const cut = (): Tampering => ({ cut: { at: random.between(200, 100_000), how } });
      const paths = new Paths(
        {},
        (path, channel) => channel === victim ? new Interposer(path, cut(), cut()) : new Interposer(path),
      );
      const { handlers } = paths, { application, target } = await handlers.session();
      // No time passes: nothing waits for the channel.
      await exchange(application, target, random, 250_000);
      assertNoneReset(handlers);
      await handlers.clock.advance(60_000);
      await handlers.close(application, target);
    });
  });
}

Deno.test("an association comes up with two channels, and takes the third when it comes", async () => {
  for (const missing of [1, 2, 3]) {
    const { handlers } = new Paths(), { network, clock } = handlers;
    let away = true;
    network.onConnect = ({ host }) => {
      if (away && host === `192.0.2.${missing}`) throw new ConnectionRefused("Connection refused (os error 111)");
    };
    const { application, target } = await clock.until(handlers.session());
    const [association] = handlers.client.activity.associations.keys();
    assertEquals([...association!.away], [missing - 1]);
    await clock.advance(5_000);
    away = false;
    await clock.advance(40_000);
    const [there] = handlers.server.activity.associations.keys();
    assertEquals([association!.away.size, there!.away.size], [0, 0]);
    assertEquals(there!.addresses[missing - 1], { host: `192.0.2.${missing}`, port: 6522 });
    await exchange(application, target, new Random(1), 100_000);
    assertNoneReset(handlers);
    await handlers.close(application, target);
  }
});

Deno.test("a channel that answers nothing delays an association by no more than a second or two", async () => {
  for (const missing of [1, 2, 3]) {
    const { handlers } = new Paths(), { network, clock } = handlers;
    network.onConnect = ({ host }) => host === `192.0.2.${missing}` ? new Promise(() => {}) : undefined;
    const began = clock.now();
    const { application, target } = await clock.until(handlers.session());
    assert(clock.now() - began <= 1100, `${clock.now() - began}`);
    await exchange(application, target, new Random(1), 10_000);
    await handlers.close(application, target);
  }
});

Deno.test("a channel that lies is named by both sides and cut out, and not a byte is wrong", async () => {
  for (const liar of [1, 2, 3]) {
    await forSeeds(4, async (random) => {
      // Lies begin behind the handshake; every tenth byte is wrong.
      const change = (piece: Uint8Array, at: number) => {
        if (at < 3000) return;
        for (let i = 0; i < piece.length; i += 10) piece[i]! ^= random.between(1, 255);
      };
      const paths = new Paths(
        {},
        (path, channel) => channel === liar ? new Interposer(path, { change }, { change }) : new Interposer(path),
      );
      const { handlers } = paths, { application, target } = await handlers.session();
      await exchange(application, target, random, 250_000);
      for (const lines of [handlers.clientLines, handlers.serverLines]) {
        const named = lines.filter(({ event }) => event === "channel lies");
        assertEquals(new Set(named.map(({ channel }) => channel)), new Set([`${liar} (192.0.2.${liar}:6522)`]));
      }
      assertNoneReset(handlers);
      await handlers.clock.advance(30_000);
      const [association] = handlers.client.activity.associations.keys();
      assertEquals([...association!.away], [liar - 1], "it does not come back");
      await handlers.close(application, target);
    });
  }
});

Deno.test("with as few channels as are needed, a wrong share resets the sessions, and nothing wrong is delivered", async () => {
  const change = (piece: Uint8Array, at: number) => {
    if (at >= 3000) piece[0]! ^= 1;
  };
  const paths = new Paths(
    {},
    (path, channel) => channel === 1 ? new Interposer(path, { change }) : new Interposer(path),
  );
  const { handlers } = paths;
  handlers.network.onConnect = ({ host }) => {
    if (host === "192.0.2.3") throw new ConnectionRefused("Connection refused (os error 111)");
  };
  const { application, target } = await handlers.clock.until(handlers.session());
  await handlers.clock.advance(300);
  const bytes = new Uint8Array(100_000).fill(7);
  void sendAll(target, bytes).catch(() => {});
  const got: number[] = [];
  const reading = (async () => {
    const into = new Uint8Array(1000);
    for (;;) {
      const length = await application.read(into);
      if (length === null) return;
      got.push(...into.subarray(0, length));
    }
  })().catch(() => {});
  await handlers.clock.advance(10_000);
  await reading;
  assert(got.every((byte) => byte === 7) && got.length < bytes.length);
  assertMatch(`${lineOf(handlers.clientLines, "session reset")["reason"]}`, /wrong (tag|hash)|a record of/);
  await handlers.close(application, target);
});

Deno.test("thresholds that differ are refused, and the log says so", async () => {
  for (const [server, client] of [[TWO, ""], ["", TWO]] as const) {
    const handlers = new Handlers({}, { server, client });
    const application = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
    await handlers.clock.advance(10_000);
    assertMatch(
      `${lineOf(handlers.clientLines, "session refused")["reason"]}`,
      /does not support these shares or this threshold/,
    );
    await handlers.close(application);
  }
});

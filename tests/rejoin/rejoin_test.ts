/** Channels that break under sessions and are joined again, with both handlers over an in-memory network. */
import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { readFull, writeAll } from "../../src/net/connection.ts";
import { events, Handlers, lineOf } from "../support/handlers/handlers_in_memory.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { Interposer, type Tampering } from "../support/network/interposer.ts";
import type { Interposed, MemoryNetworkOptions } from "../support/network/memory_network.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";
import { exchange } from "./exchange.ts";

const { ConnectionReset, ConnectionRefused } = Deno.errors;

/** Both handlers, and the last path of each channel. */
class Paths {
  readonly handlers: Handlers;
  readonly #last = new Map<string, Interposer>();
  /** Number of connections made to channels. */
  made = 0;

  constructor(
    options: MemoryNetworkOptions = {},
    yaml: { server?: string; client?: string } = {},
    interposer = (path: Interposed): Interposer => new Interposer(path),
  ) {
    this.handlers = new Handlers({
      ...options,
      interposes: ({ port }) => port === 6522,
      interpose: (path, { host }) => {
        this.made++;
        this.#last.set(host, interposer(path));
      },
    }, yaml);
  }

  of(channel: number): Interposer {
    return this.#last.get(`192.0.2.${channel}`)!;
  }
}

for (const how of ["reset", "close"] as const) {
  Deno.test(`a channel that is ${how === "reset" ? how : "closed"} at any moment is joined again, and not a byte is lost`, async () => {
    let total = 0;
    await forSeeds(12, async (random) => {
      // Behind the handshake and the first OFFER: before it, no channel can be joined again. The next OFFER lies behind what
      // was made before it, some 70 KB here, and has to arrive within the eight attempts of the one before, while each break
      // loses what is under way. So cuts every 5 to 40 KB end one exchange of six; of 80 that are cut every 10 to 60 KB, none.
      const cut = (): Tampering => ({ cut: { at: random.between(20_000, 200_000), how } });
      const chunk = (available: number) => random.between(1, available);
      const paths = new Paths({ chunk }, {}, (path) => new Interposer(path, cut(), cut())), { handlers } = paths;
      const { application, target } = await handlers.session();
      await handlers.clock.advance(300);
      await handlers.clock.until(exchange(application, target, random, random.pick([60_000, 250_000])))
        .catch((error) => {
          throw new Error(
            handlers.clientLines.concat(handlers.serverLines).map((line) => JSON.stringify(line)).join("\n"),
            { cause: error },
          );
        });
      total += paths.made - 3;
      const all = [...handlers.clientLines, ...handlers.serverLines];
      assertEquals(all.filter(({ event }) => /session (reset|refused)|association failed/.test(event)), []);
      await handlers.close(application, target);
    });
    assert(total > 40, `${total} breaks`);
  });
}

Deno.test("both logs name the channel that broke and was joined again, and metrics count it", async () => {
  const paths = new Paths(), { handlers } = paths;
  const { application, target } = await handlers.session();
  await handlers.clock.advance(1000);
  paths.of(2).reset();
  await handlers.clock.advance(1000);
  for (const lines of [handlers.clientLines, handlers.serverLines]) {
    const { channel, reason } = lineOf(lines, "channel broken");
    assertEquals(channel, "2 (192.0.2.2:6522)");
    assertMatch(`${reason}`, /reset|joins it again/);
    assertEquals(lineOf(lines, "channel joined again")["channel"], "2 (192.0.2.2:6522)");
  }
  for (const { activity } of [handlers.client, handlers.server]) {
    assertEquals(activity.channels.all.map(({ broken, rejoined }) => [broken, rejoined]), [[0, 0], [1, 1], [0, 0]]);
  }
  await exchange(application, target, new Random(1), 10_000);
  await handlers.close(application, target);
});

Deno.test("what a channel brings that was joined again is read while another lags, and not lost with the next break", async () => {
  let chunk = Infinity;
  const paths = new Paths({ chunk: (available) => Math.min(available, chunk) }),
    { handlers } = paths,
    { clock } = handlers;
  const { application, target } = await handlers.session();
  const bytes = new Random(1).bytes(400_000), heard = new Uint8Array(bytes.length);
  // The server's writes grow with the flow.
  await Promise.all([writeAll(target, bytes), readFull(application, heard)]);
  await clock.advance(1000);
  // Fewer bytes at a time than those with which a channel counts as flowing.
  chunk = 1000;
  paths.of(3).silence();
  const carried = Promise.all([writeAll(target, bytes), readFull(application, heard)]);
  await clock.advance(1000);
  // A client that is not reading a channel notices a break when it writes.
  const breakAgain = async () => {
    paths.of(2).reset();
    await writeAll(application, Uint8Array.of(1));
    await clock.advance(1000);
  };
  await breakAgain();
  const [association] = handlers.client.activity.associations.keys();
  const ahead = association!.received[1]! - association!.joined;
  assert(ahead > 20_000, `${ahead} bytes`);
  await breakAgain();
  // Only what had not arrived is sent on the third connection.
  const { fromServer } = paths.of(2), received = association!.received[1]! - association!.joined - ahead;
  assert(fromServer < received + 1000, `${fromServer} bytes for ${received}`);
  paths.of(3).reset();
  await clock.until(carried);
  assert(heard.every((byte, at) => byte === bytes[at]));
  await handlers.close(application, target);
});

Deno.test("all channels that break at once are joined again", async () => {
  const paths = new Paths(), { handlers } = paths;
  const { application, target } = await handlers.session();
  await handlers.clock.advance(1000);
  for (let round = 0; round < 20; round++) {
    for (const channel of [1, 2, 3]) paths.of(channel).reset();
    await handlers.clock.advance(300);
  }
  await exchange(application, target, new Random(1), 100_000);
  assertEquals(handlers.client.activity.channels.all.map(({ rejoined }) => rejoined), [20, 20, 20]);
  await handlers.close(application, target);
});

Deno.test("a channel that falls silent is given up after timeouts.silence, and joined again", async () => {
  const paths = new Paths(), { handlers } = paths;
  const { application, target } = await handlers.session();
  await writeAll(application, Uint8Array.of(1));
  await target.read(new Uint8Array(1));
  await handlers.clock.advance(1000);
  paths.of(2).silence();
  await handlers.clock.advance(60_000);
  assertMatch(`${lineOf(handlers.clientLines, "channel broken")["reason"]}`, /^silent for 25 s/);
  await exchange(application, target, new Random(1), 10_000);
  await handlers.close(application, target);
});

Deno.test("a channel that can't be joined again within timeouts.rejoin resets its sessions, and both logs say why", async () => {
  const paths = new Paths(), { handlers } = paths, { network, clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  network.onConnect = ({ host }) => {
    if (host === "192.0.2.2") throw new ConnectionRefused("Connection refused (os error 111)");
  };
  const began = clock.now();
  paths.of(2).reset();
  const ends = Promise.all([readToEnd(application), readToEnd(target)]);
  for (const { error } of await clock.until(ends)) assertInstanceOf(error, ConnectionReset);
  assert(clock.now() - began >= 30_000 && clock.now() - began < 31_000, `${clock.now() - began}`);
  const { reason } = lineOf(handlers.clientLines, "session reset");
  assertMatch(
    `${reason}`,
    /^channel 2 \(192\.0\.2\.2:6522\): not joined again within 30 s: Connection refused.*; it broke first: /,
  );
  assertMatch(
    `${lineOf(handlers.serverLines, "session reset")["reason"]}`,
    /not joined again within 30 s|closed|reset/,
  );
  await handlers.close(application, target);
});

/** Paths whose further connections, after those of the first association, are tampered with. */
function tamperedPaths(toClient: Tampering, toServer: Tampering, times = Infinity): Paths {
  let made = 0;
  const isTampered = () => ++made > 3 && made - 3 <= times;
  return new Paths({}, {}, (path) => isTampered() ? new Interposer(path, toClient, toServer) : new Interposer(path));
}

Deno.test("a count that is altered in REJOINED costs one attempt, and no byte", async () => {
  // Behind the greeting of 22 bytes and the type.
  const change = (piece: Uint8Array, at: number) => {
    for (let k = 0; k < piece.length; k++) if (at + k === 30) piece[k]! ^= 1;
  };
  const paths = tamperedPaths({ change }, {}, 1), { handlers } = paths;
  const { application, target } = await handlers.session();
  await handlers.clock.advance(1000);
  paths.of(2).reset();
  await handlers.clock.advance(1000);
  assertEquals(paths.made, 5);
  await exchange(application, target, new Random(1), 10_000);
  await handlers.close(application, target);
});

Deno.test("the owner of a channel can make its attempts run out, which resets the sessions", async () => {
  // REJOIN leaves, and does not arrive.
  const paths = tamperedPaths({}, { cut: { at: 41, how: "reset" } }), { handlers } = paths, { clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  const began = clock.now();
  paths.of(2).reset();
  const ends = Promise.all([readToEnd(application), readToEnd(target)]);
  for (const { error } of await clock.until(ends)) assertInstanceOf(error, ConnectionReset);
  assert(clock.now() - began < 12_000, `${clock.now() - began}`);
  assertEquals(paths.made, 3 + 9);
  assertMatch(
    `${lineOf(handlers.clientLines, "session reset")["reason"]}`,
    /all 8 attempts .* are used; it broke first/,
  );
  await handlers.close(application, target);
});

Deno.test("a refusal that a channel's owner forges resets the sessions", async () => {
  // Behind the first three connections, and those of two channels that are joined again.
  let made = 0;
  const instead = { at: 22, bytes: Uint8Array.of(255, 6) };
  const paths = new Paths({}, {}, (path) => new Interposer(path, ++made > 5 ? { instead } : {}));
  const { handlers } = paths, { clock } = handlers, { application, target } = await handlers.session();
  for (const channel of [1, 3, 2]) {
    await clock.advance(1000);
    paths.of(channel).reset();
  }
  assertInstanceOf((await clock.until(readToEnd(application))).error, ConnectionReset);
  assertMatch(
    `${lineOf(handlers.clientLines, "session reset")["reason"]}`,
    /^channel 2 .*: not joined again: refused.*; it broke first: /,
  );
  await handlers.close(application, target);
});

Deno.test("where all channels are closed, the reason is still that attempts have run out, not that the server handler ended", async () => {
  const paths = tamperedPaths({}, { cut: { at: 41, how: "reset" } }), { handlers } = paths, { clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  for (const channel of [1, 2, 3]) paths.of(channel).reset();
  assertInstanceOf((await clock.until(readToEnd(application))).error, ConnectionReset);
  assertMatch(
    `${lineOf(handlers.clientLines, "session reset")["reason"]}`,
    /all 8 attempts .* are used; it broke first/,
  );
  await handlers.close(application, target);
});

Deno.test("where the server handler has ended the association, the client's reason is that all channels were closed", async () => {
  const paths = new Paths(), { handlers } = paths, { clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  for (const association of [...handlers.server.activity.associations.keys()]) association.fail(new Error("altered"));
  assertInstanceOf((await clock.until(readToEnd(application))).error, ConnectionReset);
  assertEquals(
    lineOf(handlers.clientLines, "session reset")["reason"],
    "channel 1 (192.0.2.1:6522): not joined again: refused: the server handler no longer has the association; " +
      "all channels were closed by the other side: the server handler's log says why",
  );
  await handlers.close(application, target);
});

Deno.test("where paths break by themselves before the server handler ends, no channel is said to be closed by it", async () => {
  // In silence, the client gives all three up by itself.
  const paths = new Paths(), { handlers } = paths, { clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  for (const channel of [1, 2, 3]) paths.of(channel).silence();
  for (const association of [...handlers.server.activity.associations.keys()]) association.fail(new Error("altered"));
  assertInstanceOf((await clock.until(readToEnd(application))).error, ConnectionReset);
  assertMatch(
    `${lineOf(handlers.clientLines, "session reset")["reason"]}`,
    /refused: the server handler no longer has the association; it broke first: silent for 25 s/,
  );
  await handlers.close(application, target);
});

Deno.test("two sides that pad what they send do not acknowledge each other's padding forever", async () => {
  const yaml = "padding: sizes", paths = new Paths({}, { client: yaml, server: yaml }), { handlers } = paths;
  const { application, target } = await handlers.session();
  await exchange(application, target, new Random(1), 1000);
  await handlers.clock.advance(2000);
  const sent = () =>
    [handlers.client, handlers.server].map(({ activity }) =>
      [...activity.associations.keys()].map(({ offered }) => offered)
    );
  const before = sent();
  await handlers.clock.advance(5000);
  assertEquals(sent(), before);
  await handlers.close(application, target);
});

for (const side of ["client", "server"] as const) {
  Deno.test(`with timeouts.rejoin of 0 on the ${side}, a broken channel resets the sessions at once`, async () => {
    const paths = new Paths({}, { [side]: "timeouts: {rejoin: 0}" }), { handlers } = paths;
    const { application, target } = await handlers.session();
    await handlers.clock.advance(1000);
    paths.of(2).reset();
    await settle();
    assertInstanceOf((await readToEnd(application)).error, ConnectionReset);
    assertInstanceOf((await readToEnd(target)).error, ConnectionReset);
    assertEquals(paths.made, 3);
    await handlers.close(application, target);
  });
}

Deno.test("a client that is gone takes its sessions along after two seconds", async () => {
  const paths = new Paths(), { handlers } = paths;
  const { application, target } = await handlers.session();
  await handlers.clock.advance(1000);
  await handlers.client.close();
  const end = readToEnd(target);
  await handlers.clock.advance(1900);
  assertEquals(handlers.server.associations, 1);
  await handlers.clock.advance(200);
  assertInstanceOf((await end).error, ConnectionReset);
  assertEquals(handlers.server.associations, 0);
  await handlers.close(application, target);
});

Deno.test("a server that is gone resets the sessions as soon as no channel's address answers", async () => {
  const paths = new Paths(), { handlers } = paths, { clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  const began = clock.now();
  await handlers.server.close();
  assertInstanceOf((await clock.until(readToEnd(application))).error, ConnectionReset);
  assert(clock.now() - began <= 500, `${clock.now() - began}`);
  assertMatch(`${lineOf(handlers.clientLines, "session reset")["reason"]}`, /the server handler has ended/);
  await handlers.close(application, target);
});

Deno.test("while a channel is away, a new session gets another association, and an idle one ends", async () => {
  const paths = new Paths(), { handlers } = paths, { clock } = handlers;
  const { application, target } = await handlers.session();
  await clock.advance(1000);
  let blocked = true;
  const held = Promise.withResolvers<void>();
  handlers.network.onConnect = ({ host }) => blocked && host === "192.0.2.2" ? held.promise : undefined;
  paths.of(2).reset();
  await settle();
  blocked = false;
  const other = await handlers.session();
  await exchange(other.application, other.target, new Random(1), 10_000);
  assertEquals(events(handlers.clientLines).filter((event) => event === "association").length, 2);
  held.resolve();
  await clock.advance(100);
  await exchange(application, target, new Random(2), 10_000);
  // Neither carries a session now, nor owes anything: a break ends it.
  await clock.advance(1000);
  const made = paths.made;
  for (const channel of [1, 2, 3]) paths.of(channel).reset();
  await clock.advance(3000);
  assertEquals(paths.made, made);
  await handlers.close(application, target, other.application, other.target);
});

Deno.test("a session for which no other association may be made waits until the channel is joined again", async () => {
  const paths = new Paths({}, { client: "associations: 1" }), { handlers } = paths;
  const { application, target } = await handlers.session();
  await handlers.clock.advance(1000);
  const held = Promise.withResolvers<void>();
  handlers.network.onConnect = ({ host }) => host === "192.0.2.2" ? held.promise : undefined;
  paths.of(2).reset();
  await settle();
  const waiting = handlers.session();
  await handlers.clock.advance(100);
  held.resolve();
  await handlers.clock.advance(100);
  const other = await waiting;
  await exchange(other.application, other.target, new Random(1), 10_000);
  await handlers.close(application, target, other.application, other.target);
});

Deno.test("what is kept is given back: shares that are acknowledged, and those of associations that have ended", async () => {
  const paths = new Paths(), { handlers } = paths;
  const { application, target } = await handlers.session();
  await exchange(application, target, new Random(1), 1_000_000);
  await handlers.clock.advance(1000);
  const [association] = handlers.client.activity.associations.keys();
  // Nothing but the last ACKs, which none acknowledges.
  assert(association!.kept < 3 * 500, `${association!.kept}`);
  await handlers.close(application, target);
  assertEquals(association!.kept, 0);
});

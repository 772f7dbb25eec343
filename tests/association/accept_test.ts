/** The server's side of the handshake, against hand-written clients. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { initiate } from "../../src/association/initiate.ts";
import { type Connection, type Network, readFull, writeAll } from "../../src/net/connection.ts";
import { encodeAssociate, encodeRefused, RefusedReason } from "../../src/wire/associate.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Accepting, channelAddresses, readAll, readToEnd } from "../support/handlers/pair.ts";

function setUp(channels: number, options = {}) {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const addresses = channelAddresses(channels);
  const accepting = new Accepting(network, addresses, { clock, ...options });
  return { network, clock, addresses, accepting };
}

/** Connects, and reads the greeting's cookie. */
async function greeted(network: MemoryNetwork, index: number): Promise<{ connection: Connection; cookie: Uint8Array }> {
  const connection = await network.connect(channelAddresses(index + 1)[index]!);
  const greeting = new Uint8Array(GREETING_LENGTH);
  await readFull(connection, greeting);
  assertEquals(greeting.subarray(0, 6), Uint8Array.of(77, 73, 67, 83, 83, 2));
  return { connection, cookie: greeting.slice(6) };
}

function list(cookies: Uint8Array[], scheme = 1, threshold = cookies.length): Uint8Array {
  return encodeAssociate({ scheme, threshold, cookies });
}

Deno.test("the server greets every connection with a cookie of its own", async () => {
  const { network, accepting, clock } = setUp(1);
  const all = await Promise.all(Array.from({ length: 100 }, () => greeted(network, 0)));
  assertEquals(new Set(all.map(({ cookie }) => cookie.toHex())).size, 100);
  assertEquals(accepting.acceptor.size, 100);
  for (const { connection } of all) connection.close();
  await settle();
  assertEquals([accepting.acceptor.size, network.openEnds, clock.pending], [0, 0, 0]);
  await accepting.close();
});

Deno.test("the server echoes a list byte for byte on each channel, but only after receiving it on all", async () => {
  const { network, accepting, clock } = setUp(2);
  const [a, b] = [await greeted(network, 0), await greeted(network, 1)];
  const bytes = list([b.cookie, a.cookie]);
  await writeAll(a.connection, bytes);
  let answered = false;
  const echo = new Uint8Array(bytes.length);
  const reading = readFull(a.connection, echo).then(() => answered = true);
  await settle();
  assertEquals([answered, accepting.associations.length], [false, 0]);
  await writeAll(b.connection, bytes);
  await reading;
  assertEquals(echo, bytes);
  await readFull(b.connection, echo);
  assertEquals(echo, bytes);
  const [association] = accepting.associations;
  assertEquals(association!.connections.map(({ local }) => local.host), ["192.0.2.2", "192.0.2.1"]);
  association!.end();
  a.connection.close();
  b.connection.close();
  await accepting.close();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("the server closes a connection that sends anything but a list, at the first wrong byte", async () => {
  const { network, accepting, clock } = setUp(1);
  const cases: [string, Uint8Array][] = [
    ["expected a list of cookies, got a message of type 71", new TextEncoder().encode("GET / HTTP/1.1\r\n")],
    ["a list has 1 cookies; must have 2 to 16", Uint8Array.of(1, 1, 1, 1)],
    ["a list has 17 cookies; must have 2 to 16", Uint8Array.of(1, 1, 17, 17)],
    ["a list has 255 cookies; must have 2 to 16", Uint8Array.of(1, 1, 255, 255)],
    ["a list names a cookie twice", list([new Uint8Array(16), new Uint8Array(16)])],
  ];
  for (const [reason, bytes] of cases) {
    const { connection } = await greeted(network, 0);
    await writeAll(connection, bytes);
    assertEquals((await readToEnd(connection)).bytes.length, 0);
    assertEquals(accepting.failures.splice(0), [reason]);
    connection.close();
  }
  await settle();
  assertEquals([accepting.acceptor.size, network.openEnds, clock.pending], [0, 0, 0]);
  await accepting.close();
});

Deno.test("the server sends its reason for a refusal, then closes in order", async () => {
  const { network, accepting, clock } = setUp(2);
  const cases: [RefusedReason, (own: Uint8Array) => Uint8Array][] = [
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 2)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 0)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 4)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 255)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 1, 1)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 3, 1)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 3, 3)],
    [RefusedReason.Unacceptable, (own) => list([own, new Uint8Array(16)], 3, 0)],
    [RefusedReason.Unacceptable, () => list([new Uint8Array(16).fill(1), new Uint8Array(16)])],
    [RefusedReason.UnknownCookie, (own) => list([own, new Uint8Array(16)])],
    [RefusedReason.UnknownCookie, (own) => list([own, new Uint8Array(16)], 3)],
  ];
  for (const [reason, makeList] of cases) {
    const { connection, cookie } = await greeted(network, 0);
    await writeAll(connection, makeList(cookie));
    assertEquals(await readAll(connection), encodeRefused(reason));
    assertEquals(accepting.failures.splice(0), [`refused: ${RefusedReason[reason]}`]);
    connection.close();
  }
  await settle();
  assertEquals([accepting.acceptor.size, network.openEnds, clock.pending], [0, 0, 0]);
  await accepting.close();
});

Deno.test("a server with a threshold refuses short shares and XOR, whatever their threshold", async () => {
  const { network, accepting, clock } = setUp(3, { settings: () => ({ threshold: 2 }) });
  for (const [scheme, threshold] of [[3, 3], [3, 2], [1, 3], [1, 2], [4, 2]] as const) {
    const { connection, cookie } = await greeted(network, 0);
    await writeAll(
      connection,
      list([cookie, new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)], scheme, threshold),
    );
    assertEquals(
      await readAll(connection),
      encodeRefused(RefusedReason.Unacceptable),
      `scheme ${scheme}, ${threshold}`,
    );
    connection.close();
  }
  await settle();
  assertEquals([accepting.acceptor.size, network.openEnds, clock.pending], [0, 0, 0]);
  await accepting.close();
});

Deno.test("lists that differ in nothing but the scheme are different lists: channels can't be told different ones", async () => {
  const { network, accepting, clock } = setUp(2);
  const [a, b] = [await greeted(network, 0), await greeted(network, 1)], cookies = [a.cookie, b.cookie];
  await writeAll(a.connection, list(cookies, 1));
  await settle();
  await writeAll(b.connection, list(cookies, 3));
  assertEquals(await readAll(a.connection), encodeRefused(RefusedReason.Mismatch));
  assertEquals(accepting.associations.length, 0);
  for (const { connection } of [a, b]) connection.close();
  await settle();
  assertEquals([accepting.acceptor.size, network.openEnds, clock.pending], [0, 0, 0]);
  await accepting.close();
});

Deno.test("the server closes a connection that is not associated within five seconds, regardless of the bytes sent", async () => {
  const { network, accepting, clock } = setUp(2);
  const silent = await greeted(network, 0);
  const slow = await greeted(network, 0);
  const waiting = await greeted(network, 0);
  const named = await greeted(network, 1);
  await writeAll(slow.connection, Uint8Array.of(1, 1));
  await writeAll(waiting.connection, list([waiting.cookie, named.cookie]));
  await clock.advance(4999);
  assertEquals(accepting.acceptor.size, 4);
  await writeAll(slow.connection, Uint8Array.of(2));
  await clock.advance(1);
  assertEquals(accepting.acceptor.size, 0);
  assertEquals(accepting.failures.toSorted(), Array(4).fill("not associated within 5 s"));
  for (const { connection } of [silent, slow, waiting, named]) {
    await readToEnd(connection);
    connection.close();
  }
  assertEquals([network.openEnds, clock.pending], [0, 0]);
  await accepting.close();
});

Deno.test("the server reads and buffers less than a kilobyte from a connection without an association", async () => {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  /** For each connection, the ranges that it reads into, by buffer. */
  const taken: { bytes: number; readonly held: Map<ArrayBufferLike, [number, number]> }[] = [];
  const measured = (connection: Connection): Connection => {
    const one = { bytes: 0, held: new Map<ArrayBufferLike, [number, number]>() };
    taken.push(one);
    return {
      local: connection.local,
      remote: connection.remote,
      async read(into) {
        const [from, to] = one.held.get(into.buffer) ?? [Infinity, 0];
        const end = into.byteOffset + into.length;
        one.held.set(into.buffer, [Math.min(from, into.byteOffset), Math.max(to, end)]);
        const length = await connection.read(into);
        one.bytes += length ?? 0;
        return length;
      },
      write: (bytes) => connection.write(bytes),
      closeWrite: () => connection.closeWrite(),
      close: () => connection.close(),
      reset: () => connection.reset(),
    };
  };
  const over: Network = {
    connect: (to) => network.connect(to),
    listen(at) {
      const listener = network.listen(at);
      const accept = async () => {
        const connection = await listener.accept();
        return connection && measured(connection);
      };
      return { address: at, close: () => listener.close(), accept };
    },
  };
  const accepting = new Accepting(over, channelAddresses(16), { clock });
  const all = await Promise.all(Array.from({ length: 16 }, (_, index) => greeted(network, index)));
  // The longest list, with live cookies only, and then as many bytes as the server accepts.
  const longest = list(all.map(({ cookie }) => cookie));
  await writeAll(all[0]!.connection, new Uint8Array([...longest, ...new Uint8Array(20_000)]));
  await settle();
  for (const { bytes, held: ranges } of taken) {
    const held = ranges.values().reduce((sum, [from, to]) => sum + to - from, 0);
    assert(bytes <= 1024 && held <= 1024, `${bytes} bytes were taken into buffers of ${held}`);
  }
  assert(taken.some(({ bytes }) => bytes > longest.length), "nothing behind the list was looked at");
  assertEquals(accepting.failures, ["sent more than a list before it was associated"]);
  for (const { connection } of all) connection.close();
  await accepting.close();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("a client that closes or resets after its list immediately fails the connections that sent the same list", async () => {
  for (const how of ["close", "reset"] as const) {
    const { network, accepting, clock } = setUp(3);
    const all = await Promise.all([0, 1, 2].map((index) => greeted(network, index)));
    const bytes = list(all.map(({ cookie }) => cookie));
    await writeAll(all[0]!.connection, bytes);
    await writeAll(all[1]!.connection, bytes);
    await settle();
    all[0]!.connection[how]();
    assertEquals(await readAll(all[1]!.connection), encodeRefused(RefusedReason.Mismatch));
    await writeAll(all[2]!.connection, bytes);
    assertEquals(await readAll(all[2]!.connection), encodeRefused(RefusedReason.UnknownCookie));
    for (const { connection } of all) connection.close();
    await settle();
    assertEquals([network.openEnds, clock.pending, accepting.acceptor.size], [0, 0, 0]);
    await accepting.close();
  }
});

Deno.test("the server closes a connection that sends more than its list before the echo", async () => {
  const { network, accepting, clock } = setUp(2);
  const [a, b] = [await greeted(network, 0), await greeted(network, 1)];
  const bytes = list([a.cookie, b.cookie]);
  await writeAll(a.connection, Uint8Array.from([...bytes, 1]));
  await readToEnd(a.connection);
  assertEquals(accepting.failures, ["sent more than a list before it was associated"]);
  await writeAll(b.connection, bytes);
  assertEquals(await readAll(b.connection), encodeRefused(RefusedReason.UnknownCookie));
  a.connection.close();
  b.connection.close();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
  await accepting.close();
});

Deno.test("an honest handshake succeeds regardless of the bytes that a stranger sends on other connections", async () => {
  const { network, accepting, addresses, clock } = setUp(3);
  const cookies: Uint8Array[] = [];
  // The stranger observes every cookie of the honest client, and claims them on a hundred connections.
  const strangers = await Promise.all(Array.from({ length: 100 }, (_, index) => greeted(network, index % 3)));
  network.interpose = undefined;
  const victims = await Promise.all([0, 1, 2].map((index) => greeted(network, index)));
  cookies.push(...victims.map(({ cookie }) => cookie));
  for (const [index, { connection, cookie }] of strangers.entries()) {
    const lists = [
      list([cookie, ...cookies]),
      list([cookies[index % 3]!, cookie]),
      list(cookies),
      list([...cookies, cookie, strangers[(index + 1) % 100]!.cookie]),
    ];
    await writeAll(connection, lists[index % 4]!);
  }
  for (const { connection } of victims) await writeAll(connection, list(cookies));
  const echo = new Uint8Array(list(cookies).length);
  for (const { connection } of victims) {
    await readFull(connection, echo);
    assertEquals(echo, list(cookies));
  }
  const other = await initiate(addresses, { network, clock });
  assertEquals(accepting.associations.length, 2);
  for (const { connection } of [...strangers, ...victims]) connection.close();
  for (const association of [other, ...accepting.associations]) association.end();
  await settle();
  assertEquals([network.openEnds, clock.pending, accepting.acceptor.size], [0, 0, 0]);
  await accepting.close();
});

Deno.test("close() ends connections without an association and later ones, but no association", async () => {
  const { network, accepting, addresses, clock } = setUp(2);
  const client = await initiate(addresses, { network, clock });
  const stranger = await greeted(network, 0);
  const late = await network.connect(addresses[0]!);
  accepting.acceptor.close();
  assertEquals(await readAll(stranger.connection), new Uint8Array());
  assertEquals(accepting.failures.at(-1), "the handler is ending");
  const later = await network.connect(addresses[1]!);
  await readToEnd(late);
  assertEquals(await readAll(later), new Uint8Array(), "not even greeted");
  for (const connection of [stranger.connection, late, later]) connection.close();
  assertEquals([network.openEnds, clock.pending], [4, 0]);
  client.end();
  accepting.associations[0]!.end();
  await accepting.close();
  assertEquals(network.openEnds, 0);
});

Deno.test("a channel that fails during the echo aborts the association", async () => {
  const { network, accepting, clock } = setUp(2);
  network.capacity = GREETING_LENGTH;
  const [a, b] = [await greeted(network, 0), await greeted(network, 1)];
  const bytes = list([a.cookie, b.cookie]);
  await writeAll(a.connection, bytes);
  await writeAll(b.connection, bytes);
  const association = await accepting.first();
  await settle();
  a.connection.reset();
  await settle();
  assertEquals([association.ended, association.failure?.index], [true, 0]);
  await assertRejects(() => readAll(b.connection), Deno.errors.ConnectionReset);
  b.connection.close();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
  await accepting.close();
});

/** Both sides of the handshake, undisturbed or with an adversary on one channel. */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { initiate } from "../../src/association/initiate.ts";
import { readFull, writeAll } from "../../src/net/connection.ts";
import { associateLength, encodeRefused, RefusedReason } from "../../src/wire/associate.ts";
import { encodeGreeting, GREETING_LENGTH } from "../../src/wire/greeting.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { Interposer, type Tampering } from "../support/network/interposer.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Accepting, associatedPair, channelAddresses } from "../support/handlers/pair.ts";
import { Random } from "../support/random/random.ts";

Deno.test("a handshake associates 2 to 16 channels, in the client's order on both sides, with any fragmentation", async () => {
  const random = new Random(1);
  for (let n = 2; n <= 16; n++) {
    for (const chunk of [(available: number) => available, () => 1, (available: number) => random.below(available)]) {
      const { network, clock, client, server } = await associatedPair(n, new MemoryNetwork({ chunk }));
      assertEquals(client.connections.map(({ remote }) => remote), channelAddresses(n));
      assertEquals(
        server.connections.map(({ remote, local }) => [remote, local]),
        client.connections.map(({ remote, local }) => [local, remote]),
      );
      assertEquals(clock.pending, 0);
      client.end();
      server.end();
      await settle();
      assertEquals(network.openEnds, 0);
    }
  }
});

Deno.test("a client that asked for full shares takes no echo of another scheme, nor one that asked for short ones", async () => {
  for (const short of [false, true]) {
    const other = short ? 1 : 3;
    for (const channel of [0, 1, 2]) {
      const echoed = (piece: Uint8Array, at: number): void => {
        const scheme = GREETING_LENGTH + 1 - at;
        if (scheme >= 0 && scheme < piece.length) piece[scheme] = other;
      };
      const asked = (piece: Uint8Array, at: number): void => {
        if (at <= 1 && piece.length > 1 - at) piece[1 - at] = other;
      };
      const wrong = await disturbed("another scheme echoed", channel, { change: echoed }, { short });
      assertStringIncludes(wrong.message, "confirmed a different list");
      assertEquals(wrong.index, channel);
      // The server sees two lists; it never makes shares of either kind for them.
      await disturbed("another scheme asked for", channel, {}, { toServer: { change: asked }, short, wait: 0 });
    }
  }
});

Deno.test("concurrent handshakes with the same addresses do not interfere", async () => {
  const random = new Random(2);
  const network = new MemoryNetwork({
    onConnect: () => later(random.below(30)),
    chunk: (available) => random.below(available),
  });
  const clock = new FakeClock();
  const addresses = channelAddresses(3);
  const accepting = new Accepting(network, addresses, { clock });
  const clients = await Promise.all(Array.from({ length: 50 }, () => initiate(addresses, { network, clock })));
  await accepting.close();
  assertEquals(accepting.associations.length, 50);
  const ports = accepting.associations.map((one) => one.connections.map(({ remote }) => remote.port).join());
  assertEquals(new Set(ports), new Set(clients.map((one) => one.connections.map(({ local }) => local.port).join())));
  for (const one of [...clients, ...accepting.associations]) one.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("two channels to one address of the server are refused, unless the server allows it", async () => {
  for (const distinctAddresses of [true, false]) {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    const at = channelAddresses(1);
    const accepting = new Accepting(network, at, { clock, settings: () => ({ distinctAddresses }) });
    const attempt = initiate([...at, ...at], { network, clock });
    if (distinctAddresses) {
      await assertRejects(() => attempt, ChannelError, "two channels arrived at the same address");
      await settle();
    } else {
      (await attempt).end();
      accepting.associations[0]!.end();
    }
    await accepting.close();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  }
});

Deno.test("a refusal caused by another channel is reported only if that channel reports no better reason", async () => {
  const [first, second] = [RefusedReason.UnknownCookie, RefusedReason.Mismatch];
  const cases: [answer: Uint8Array | null, told: string][] = [
    [encodeRefused(RefusedReason.SharedAddress), "channel 2 (192.0.2.2:6522): refused: two channels arrived"],
    [null, "channel 2 (192.0.2.2:6522): closed by the other side"],
    [encodeRefused(second), "channel 1 (192.0.2.1:6522): refused: the list names a connection that the server"],
  ];
  for (const [answer, told] of cases) {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    const addresses = channelAddresses(2);
    const listeners = addresses.map((address) => network.listen(address));
    const attempt = initiate(addresses, { network, clock }).catch((error: unknown) => error);
    const servers = await Promise.all(listeners.map(async (listener, index) => {
      const server = (await listener.accept())!;
      await writeAll(server, encodeGreeting(new Uint8Array(16).fill(index)));
      return server;
    }));
    for (const server of servers) await readFull(server, new Uint8Array(associateLength(2)));
    await writeAll(servers[0]!, encodeRefused(first));
    await settle();
    assertEquals(network.openEnds, 4, "the client waits for the other channel's reply");
    if (answer !== null) await writeAll(servers[1]!, answer);
    else servers[1]!.close();
    assertStringIncludes((await attempt as Error).message, told);
    for (const end of [...listeners, ...servers]) end.close();
    await settle();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  }
});

/** Runs a handshake with a disturbed channel `index`, and checks that it fails and leaves nothing behind. */
async function disturbed(
  what: string,
  index: number,
  toClient: Tampering,
  { toServer = {}, wait = 0, channels = 3, short = false }: {
    toServer?: Tampering;
    wait?: number;
    channels?: number;
    short?: boolean;
  } = {},
): Promise<ChannelError> {
  const clock = new FakeClock();
  const addresses = channelAddresses(channels);
  const paths: Interposer[] = [];
  const network = new MemoryNetwork({
    interpose: (path, to) => {
      const at = addresses.findIndex(({ host }) => host === to.host);
      paths[at] = at === index ? new Interposer(path, toClient, toServer) : new Interposer(path);
    },
  });
  const accepting = new Accepting(network, addresses, { clock });
  const attempt = initiate(addresses, { network, clock, short }).then(
    () => assert(false, `${what}: associated`),
    (error: unknown) => error,
  );
  await clock.advance(wait);
  const error = await attempt;
  // Connections that wait for the server's time-out, or for a reader to see the end, end now.
  for (const association of accepting.associations) {
    const reader = association.readable.getReader();
    const came = await reader.read().catch(() => ({ done: true }));
    assertEquals(came.done, true, `${what}: a message byte came`);
    association.end();
  }
  await clock.advance(5000);
  await Promise.all(paths.map(({ done }) => done));
  for (const { fromClient } of paths) assert(fromClient <= associateLength(channels), `${what}: a share was sent`);
  await accepting.close();
  await settle();
  assertEquals([network.openEnds, clock.pending, accepting.acceptor.size], [0, 0, 0], `${what}: something is left`);
  assertInstanceOf(error, ChannelError, what);
  return error;
}

/** Flips bits of one byte in one direction. */
function flip(byte: number, bits = 1): Tampering {
  return {
    change: (piece, at) => {
      if (byte >= at && byte < at + piece.length) piece[byte - at]! ^= bits;
    },
  };
}

Deno.test("a wrong magic or version in a greeting fails the handshake and names the channel", async () => {
  for (let byte = 0; byte < 6; byte++) {
    const error = await disturbed(`greeting's byte ${byte}`, byte % 3, flip(byte));
    assertEquals(error.index, byte % 3);
    assertStringIncludes(error.message, `channel ${byte % 3 + 1} (192.0.2.${byte % 3 + 1}:6522): `);
    assertStringIncludes(error.message, byte < 5 ? "not a MICSS server handler" : "speaks protocol 3, this one 2");
  }
});

Deno.test("a cookie changed in transit fails the handshake", async () => {
  for (let byte = 6; byte < GREETING_LENGTH; byte++) {
    const error = await disturbed(`cookie's byte ${byte}`, byte % 3, flip(byte, 1 << byte % 8));
    assertStringIncludes(error.message, "refused");
  }
});

Deno.test("a greeting replayed from another channel fails the handshake and names the channel", async () => {
  let greeting: Uint8Array | undefined;
  const clock = new FakeClock();
  const addresses = channelAddresses(3);
  const paths: Interposer[] = [];
  const network = new MemoryNetwork({
    interpose: (path, to) => {
      const change = (piece: Uint8Array, at: number) => {
        if (at > 0) return;
        if (to.host === "192.0.2.1") greeting = piece.slice(0, GREETING_LENGTH);
        if (to.host === "192.0.2.2") piece.set(greeting!);
      };
      paths.push(new Interposer(path, { change }));
    },
  });
  const accepting = new Accepting(network, addresses, { clock });
  const error = await assertRejects(() => initiate(addresses, { network, clock }), ChannelError, "cookie");
  assertEquals(error.index, 1);
  assertStringIncludes(error.message, "channel 1");
  await Promise.all(paths.map(({ done }) => done));
  assertEquals(paths.map(({ fromClient }) => fromClient), [0, 0, 0]);
  await accepting.close();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("an echo with any byte changed fails the handshake, sends no share, and names the channel", async () => {
  for (let byte = 1; byte < associateLength(3); byte++) {
    const error = await disturbed(`echo's byte ${byte}`, byte % 3, flip(GREETING_LENGTH + byte, 1 << byte % 8));
    assertEquals(error.index, byte % 3);
    assertStringIncludes(error.message, "confirmed a different list");
  }
  const error = await disturbed("echo's type", 1, flip(GREETING_LENGTH));
  assertEquals(
    error.message,
    "channel 2 (192.0.2.2:6522): expected the echo of the list, got a message of type 0",
  );
});

Deno.test("a list with any byte changed in transit fails the handshake", async () => {
  for (let byte = 0; byte < associateLength(3); byte++) {
    // A larger count makes the server wait for more bytes, until the time-out.
    await disturbed(`list's byte ${byte}`, byte % 3, {}, { toServer: flip(byte, 1 << byte % 8), wait: 5000 });
  }
});

Deno.test("a channel closed or reset after any byte from the server fails the handshake and names the channel", async () => {
  for (const how of ["close", "reset"] as const) {
    for (let at = 0; at < GREETING_LENGTH + associateLength(3); at += at < 30 ? 1 : 7) {
      const error = await disturbed(`${how} after ${at}`, at % 3, { cut: { at, how } });
      assertEquals(error.index, at % 3, `${how} after ${at}: ${error.message}`);
    }
  }
});

Deno.test("a channel that falls silent after any byte fails the handshake after five seconds, and is named", async () => {
  for (let at = 0; at < GREETING_LENGTH + associateLength(3); at += at < 30 ? 3 : 11) {
    const error = await disturbed(`silence after ${at}`, at % 3, { cut: { at, how: "silence" } }, { wait: 5000 });
    assertEquals(error.message, `channel ${at % 3 + 1} (192.0.2.${at % 3 + 1}:6522): no answer within 5 s`);
  }
});

Deno.test("a channel closed, reset or silent within the client's list fails the handshake", async () => {
  for (const how of ["close", "reset", "silence"] as const) {
    for (let at = 1; at <= associateLength(3); at += 9) {
      const error = await disturbed(`${how} after ${at}`, at % 3, {}, { toServer: { cut: { at, how } }, wait: 5000 });
      assertStringIncludes(error.message, "channel ");
    }
  }
});

Deno.test("the error of a refusal has the reason and the channel", async () => {
  const words: Record<RefusedReason, string> = {
    [RefusedReason.Unacceptable]: "does not support these shares or this threshold",
    [RefusedReason.UnknownCookie]: "names a connection that the server handler does not have",
    [RefusedReason.Mismatch]: "another channel sent a different list, or ended",
    [RefusedReason.SharedAddress]: "two channels arrived at the same address",
    [RefusedReason.Overloaded]: "is overloaded",
    [RefusedReason.NotOffered]: "no longer has the association",
  };
  for (const [reason, text] of Object.entries(words)) {
    const instead = { at: GREETING_LENGTH, bytes: Uint8Array.of(255, Number(reason)) };
    const error = await disturbed(`reason ${reason}`, 2, { instead });
    assertStringIncludes(error.message, "channel 3 (192.0.2.3:6522): refused: ");
    assertStringIncludes(error.message, text);
  }
  const error = await disturbed("reason 9", 0, { instead: { at: GREETING_LENGTH, bytes: Uint8Array.of(255, 9) } });
  assertStringIncludes(error.message, "channel 1 (192.0.2.1:6522): refused for unknown reason 9");
});

Deno.test("the error names an address that refuses connections or is unreachable", async () => {
  const addresses = channelAddresses(3);
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const accepting = new Accepting(network, addresses.slice(0, 2), { clock });
  const error = await assertRejects(() => initiate(addresses, { network, clock }), ChannelError);
  assertEquals(error.message, "channel 3 (192.0.2.3:6522): Connection refused");
  assertInstanceOf(error.cause, Deno.errors.ConnectionRefused);
  await settle();
  await accepting.close();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("a connection attempt that never ends is cancelled after five seconds, and named", async () => {
  const addresses = channelAddresses(3);
  const gate = Promise.withResolvers<void>();
  const network = new MemoryNetwork({ onConnect: ({ host }) => host === "192.0.2.2" ? gate.promise : undefined });
  const clock = new FakeClock();
  const accepting = new Accepting(network, addresses, { clock, settings: () => ({ timeout: 10_000 }) });
  const attempt = initiate(addresses, { network, clock }).catch((error: unknown) => error);
  await clock.advance(4999);
  assertEquals(network.openEnds, 4);
  await clock.advance(1);
  assertEquals((await attempt as Error).message, "channel 2 (192.0.2.2:6522): no answer within 5 s");
  gate.resolve();
  await settle();
  await accepting.close();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

Deno.test("a connection that succeeds after its cancellation is closed", async () => {
  const addresses = channelAddresses(2);
  const memory = new MemoryNetwork();
  const gate = Promise.withResolvers<void>();
  // A network that ignores the signal.
  const network = {
    listen: (at: { host: string; port: number }) => memory.listen(at),
    connect: async (to: { host: string; port: number }) => {
      if (to.host === "192.0.2.2") await gate.promise;
      return await memory.connect(to);
    },
  };
  const clock = new FakeClock();
  const accepting = new Accepting(network, addresses, { clock });
  const attempt = initiate(addresses, { network, clock }).catch((error: unknown) => error);
  await clock.advance(5000);
  gate.resolve();
  assertEquals((await attempt as Error).message, "channel 2 (192.0.2.2:6522): no answer within 5 s");
  await settle();
  await accepting.close();
  await settle();
  assertEquals([memory.openEnds, clock.pending], [0, 0]);
});

Deno.test("the signal cancels a handshake at any moment, with its reason", async () => {
  const addresses = channelAddresses(2);
  for (const at of [null, 0, 1, GREETING_LENGTH, GREETING_LENGTH + 5]) {
    const giveUp = new AbortController();
    const paths: Interposer[] = [];
    const network = new MemoryNetwork({
      interpose: (path) => paths.push(new Interposer(path, { cut: { at: at ?? 0, how: "silence" } })),
    });
    const clock = new FakeClock();
    const accepting = new Accepting(network, addresses, { clock });
    if (at === null) giveUp.abort(new RangeError("enough"));
    const attempt = initiate(addresses, { network, clock, signal: giveUp.signal }).catch((error: unknown) => error);
    await settle();
    giveUp.abort(new RangeError("enough"));
    assertStringIncludes((await attempt as Error).message, "enough");
    await clock.advance(5000);
    for (const association of accepting.associations) association.end();
    await Promise.all(paths.map(({ done }) => done));
    await accepting.close();
    assertEquals([network.openEnds, clock.pending], [0, 0], `after ${at}`);
  }
});

Deno.test("a signal after the association has no effect", async () => {
  const giveUp = new AbortController();
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const addresses = channelAddresses(2);
  const accepting = new Accepting(network, addresses, { clock });
  const client = await initiate(addresses, { network, clock, signal: giveUp.signal });
  giveUp.abort();
  await clock.advance(10_000);
  assertEquals(network.openEnds, 4);
  client.end();
  accepting.associations[0]!.end();
  await accepting.close();
});

async function later(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}

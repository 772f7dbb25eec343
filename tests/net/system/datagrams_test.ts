import "../../support/system/native.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { stdFlags } from "../../../scripts/std.ts";
import { DatagramBatch, MAX_BATCH, SendOutcome } from "../../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../../src/net/endpoint.ts";
import { hasNativeHelper } from "../../../src/net/linux/libc.ts";
import { systemDatagrams } from "../../../src/net/system/datagrams.ts";
import { PlainUdpSocket } from "../../../src/net/system/plain_udp_socket.ts";
import { run } from "../../support/programs/process.ts";
import { forSeeds } from "../../support/random/random.ts";
import { batchTo, encode, receiveAll, testDatagrams } from "../datagram_contract.ts";

testDatagrams("the system", () => systemDatagrams, ["127.0.0.1", "127.0.0.9", "::1"]);
testDatagrams("Deno alone", () => ({ bind: (at, options) => new PlainUdpSocket(at, options) }), ["127.0.0.1", "::1"]);

const native = { ignore: !hasNativeHelper().ok };

for (const [any, to] of [["0.0.0.0", "127.0.0.7"], ["::", "::1"], ["::", "127.0.0.8"]] as const) {
  Deno.test(`a socket at ${any} knows that a datagram came to ${to}, and answers from there`, native, async () => {
    const from = to === "::1" ? "::1" : "127.0.0.1";
    const server = systemDatagrams.bind({ host: any, port: 0 }), client = systemDatagrams.bind({ host: from, port: 0 });
    const port = server.address.port, batch = new DatagramBatch(4, 100);
    client.send(batchTo({ host: to, port }, [encode("question")]), 1);
    assertEquals(await server.receive(batch), 1);
    assertEquals([batch.remote(0), batch.local(0)], [client.address, { host: to, port: 0 }]);
    // The batch as it came goes back: its local address is the answer's source.
    assertEquals(server.send(batch, 1), 1);
    assertEquals(await client.receive(batch), 1);
    assertEquals(batch.remote(0), { host: to, port });
    server.close();
    client.close();
  });
}

for (const [at, to] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["::", "127.0.0.1"]] as const) {
  Deno.test(`traffic classes are set and read, from ${at} to ${to}`, native, async () => {
    const a = systemDatagrams.bind({ host: at, port: 0 }), b = systemDatagrams.bind({ host: to, port: 0 });
    const classes = [0, 1, 2, 3, 0xb8, 0xff], out = batchTo(b.address, classes.map((one) => Uint8Array.of(one)));
    out.classes.set(classes);
    assertEquals(a.send(out, classes.length), classes.length);
    const batch = new DatagramBatch(8, 10), received: number[] = [];
    // A busy kernel delivers them in several parts.
    while (received.length < classes.length) received.push(...batch.classes.subarray(0, await b.receive(batch)));
    assertEquals(received, classes);
    a.close();
    b.close();
  });
}

Deno.test("what can't be sent holds up nothing behind it, and has its outcome", native, async () => {
  const a = systemDatagrams.bind({ host: "127.0.0.1", port: 0 }),
    b = systemDatagrams.bind({ host: "127.0.0.1", port: 0 });
  const longest = a.maxPayload(b.address)!;
  assertEquals(longest, 65_507);
  const out = batchTo(b.address, [encode("one"), new Uint8Array(longest + 1), encode("two"), encode("three")], 65_527);
  out.locals.set(endpointOf({ host: "192.0.2.1", port: 0 }), 2 * ENDPOINT_WORDS);
  const { Sent, TooLarge, Failed } = SendOutcome;
  assertEquals([a.send(out, 4), ...out.outcomes], [2, Sent, TooLarge, Failed, Sent]);
  assertEquals(await receiveAll(b, 2), ["one", "three"]);
  a.close();
  b.close();
});

Deno.test(
  "datagrams of any lengths, classes and addresses in a row arrive as they are, in their order",
  native,
  async () => {
    await forSeeds(30, async (random) => {
      for (const [at, hosts] of [["127.0.0.1", ["127.0.0.1", "127.0.0.2"]], ["::", ["::1", "127.0.0.3"]]] as const) {
        const a = systemDatagrams.bind({ host: at, port: 0 });
        const b = hosts.map((host) => systemDatagrams.bind({ host, port: 0 }));
        const payloads = Array.from(
          { length: 100 },
          () => random.bytes(random.pick([0, 1, 7, 1000, 1000, 1000, 1400])),
        );
        const out = batchTo(b[0]!.address, payloads), expected: string[][] = [[], []];
        for (const [index, payload] of payloads.entries()) {
          const which = random.below(10) === 0 ? 1 : 0, trafficClass = random.below(10) === 0 ? 2 : 0;
          out.remotes.set(endpointOf(b[which]!.address), index * ENDPOINT_WORDS);
          out.classes[index] = trafficClass;
          expected[which]!.push(`${trafficClass} ${payload.toHex()}`);
        }
        assertEquals(a.send(out, 100), 100);
        for (const [which, socket] of b.entries()) {
          const got: string[] = [], into = new DatagramBatch(random.pick([1, 7, 64]), 2048);
          while (got.length < expected[which]!.length) {
            const count = await socket.receive(into);
            for (let index = 0; index < count; index++) got.push(`${into.classes[index]} ${into.bytes(index).toHex()}`);
          }
          assertEquals(got, expected[which]);
          socket.close();
        }
        a.close();
      }
    });
  },
);

Deno.test("a datagram longer than its room is known to be cut", native, async () => {
  const a = systemDatagrams.bind({ host: "127.0.0.1", port: 0 });
  a.send(batchTo(a.address, [new Uint8Array(11), new Uint8Array(10)]), 2);
  const batch = new DatagramBatch(2, 10), cut: boolean[] = [];
  while (cut.length < 2) {
    const count = await a.receive(batch);
    for (let index = 0; index < count; index++) cut.push(batch.isCut(index));
  }
  assertEquals(cut, [true, false]);
  a.close();
});

Deno.test("datagrams that the kernel puts together fill batches of any room, one after the other", native, async () => {
  const a = systemDatagrams.bind({ host: "127.0.0.1", port: 0 }), b = systemDatagrams.bind({ host: "::", port: 0 });
  const to = { host: "127.0.0.1", port: b.address.port };
  const payloads = Array.from({ length: 130 }, (_, index) => new Uint8Array(1000).fill(index));
  payloads.push(Uint8Array.of(130));
  const out = batchTo(to, payloads);
  out.classes.fill(2);
  assertEquals(a.send(out, payloads.length), payloads.length);
  for (let next = 0, round = 0; next < payloads.length; round++) {
    // Every third batch has too little room for the long ones.
    const batch = new DatagramBatch(1 + round % 40, round % 3 === 2 ? 999 : 1000), count = await b.receive(batch);
    for (let index = 0; index < count; index++, next++) {
      assertEquals([batch.remote(index), batch.local(index)], [a.address, { host: "127.0.0.1", port: 0 }]);
      assertEquals(batch.classes[index], 2);
      const { length } = payloads[next]!;
      assertEquals(batch.isCut(index), length > batch.size);
      if (!batch.isCut(index)) assertEquals(batch.bytes(index), payloads[next]!);
    }
  }
  a.send(batchTo(to, [encode("more")]), 1);
  assertEquals(await receiveAll(b, 1), ["more"]);
  a.close();
  b.close();
});

Deno.test("a socket that is closed while datagrams wait for room drops them", native, async () => {
  const a = systemDatagrams.bind({ host: "127.0.0.1", port: 0 }), batch = new DatagramBatch(2, 10);
  a.send(batchTo(a.address, Array.from({ length: 5 }, () => encode("lost"))), 5);
  assert(await a.receive(batch) <= 2);
  a.close();
  assertEquals(await a.receive(batch), 0);
  const b = systemDatagrams.bind({ host: "127.0.0.1", port: 0 });
  b.send(batchTo(b.address, [encode("one"), encode("two")]), 2);
  assertEquals(await receiveAll(b, 2), ["one", "two"]);
  b.close();
});

Deno.test("a datagram to where nothing listens does not fail later ones", native, async () => {
  const a = systemDatagrams.bind({ host: "127.0.0.1", port: 0 }),
    gone = systemDatagrams.bind({ ...a.address, port: 0 });
  gone.close();
  for (let times = 0; times < 3; times++) assertEquals(a.send(batchTo(gone.address, [encode("lost")]), 1), 1);
  a.send(batchTo(a.address, [encode("found")]), 1);
  assertEquals(await receiveAll(a, 1), ["found"]);
  a.close();
});

Deno.test("sockets that share an address get all datagrams, those of one sender at one of them", native, async () => {
  const first = systemDatagrams.bind({ host: "127.0.0.1", port: 0 }, { shared: true });
  const second = systemDatagrams.bind(first.address, { shared: true });
  const got = [new Map<number, number>(), new Map<number, number>()];
  const receiving = [first, second].map(async (socket, which) => {
    const batch = new DatagramBatch(64, 10);
    for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
      for (let index = 0; index < count; index++) {
        const { port } = batch.remote(index);
        got[which]!.set(port, (got[which]!.get(port) ?? 0) + 1);
      }
    }
  });
  const senders = Array.from({ length: 32 }, () => systemDatagrams.bind({ host: "127.0.0.1", port: 0 }));
  for (const sender of senders) sender.send(batchTo(first.address, [encode("a"), encode("b")]), 2);
  const total = () => got.reduce((sum, ports) => sum + [...ports.values()].reduce((a, b) => a + b, 0), 0);
  while (total() < 64) await new Promise((resolve) => setTimeout(resolve, 1));
  assert(got[0]!.size > 0 && got[1]!.size > 0);
  assertEquals(senders.filter(({ address: { port } }) => got[0]!.has(port) && got[1]!.has(port)), []);
  for (const socket of [first, second, ...senders]) socket.close();
  await Promise.all(receiving);
});

Deno.test("many sockets wait at once, and each gets its own", native, async () => {
  const sockets = Array.from({ length: 100 }, () => systemDatagrams.bind({ host: "127.0.0.1", port: 0 }));
  for (let round = 0; round < 5; round++) {
    const received = sockets.map((socket) => receiveAll(socket, 1));
    for (const [index, socket] of sockets.entries()) {
      sockets[99 - index]!.send(batchTo(socket.address, [encode(`${index}`)]), 1);
      if (index % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals((await Promise.all(received)).flat(), sockets.map((_, index) => `${index}`));
  }
  for (const socket of sockets) socket.close();
});

Deno.test("a flood does not keep timers from running", native, async () => {
  const a = systemDatagrams.bind({ host: "127.0.0.1", port: 0 });
  const out = batchTo(a.address, Array.from({ length: 8 }, () => new Uint8Array(10))), into = new DatagramBatch(8, 10);
  let ticks = 0;
  const timer = setInterval(() => void ticks++, 1);
  // A busy machine may leave this process little of its first 100 ms.
  const began = performance.now(), took = () => performance.now() - began;
  while (took() < 100 || ticks < 3 && took() < 10_000) {
    a.send(out, 8);
    await a.receive(into);
  }
  clearInterval(timer);
  a.close();
  assert(ticks >= 3, `${ticks} ticks`);
});

Deno.test("mistakes are refused: a name, a foreign address, a device that is not there", native, () => {
  assertThrows(() => systemDatagrams.bind({ host: "localhost", port: 0 }), TypeError);
  assertThrows(() => systemDatagrams.bind({ host: "192.0.2.1", port: 0 }), Deno.errors.AddrNotAvailable);
  assertThrows(() => systemDatagrams.bind({ host: "::", port: 0 }, { device: "none0" }), Deno.errors.NotFound);
  assertThrows(() => new DatagramBatch(MAX_BATCH + 1, 10), RangeError);
  assertThrows(() => new DatagramBatch(1, 65_528), RangeError);
});

Deno.test("without FFI the missing permission is named, and plain sockets work", async () => {
  const program = new URL("datagrams_without_ffi_program.ts", import.meta.url).pathname;
  const flags = ["run", "--no-prompt", "--allow-net", ...await stdFlags(), program];
  assertEquals(JSON.parse((await run([Deno.execPath(), ...flags])).text()), {
    text: "hello",
    refused: [
      "A UDP socket at any address (::) needs the permission --allow-ffi",
      "A shared UDP socket needs the permission --allow-ffi",
      "A UDP socket kept on a device needs the permission --allow-ffi",
      "A transparent UDP socket needs the permission --allow-ffi",
    ],
  });
});

/** The contract of UDP, which the system's, Deno's own and the one in memory all pass. */
import { assertEquals, assertThrows } from "@std/assert";
import { DatagramBatch, type DatagramNetwork, type DatagramSocket, SendOutcome } from "../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import type { Address } from "../../src/net/address.ts";

/** A batch of datagrams to an address, each with bytes of its own. */
export function batchTo(to: Address, payloads: readonly Uint8Array[], size = 2048): DatagramBatch {
  const batch = new DatagramBatch(Math.max(1, payloads.length), size);
  payloads.forEach((payload, index) => {
    batch.slot(index).set(payload);
    batch.lengths[index] = payload.length;
    batch.remotes.set(endpointOf(to), index * ENDPOINT_WORDS);
  });
  return batch;
}

/** Receives `count` datagrams, as text. */
export async function receiveAll(socket: DatagramSocket, count: number): Promise<string[]> {
  const batch = new DatagramBatch(64, 2048), texts: string[] = [];
  while (texts.length < count) {
    const received = await socket.receive(batch);
    if (received === 0) break;
    for (let index = 0; index < received; index++) texts.push(new TextDecoder().decode(batch.bytes(index)));
  }
  return texts;
}

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Defines the contract's tests. */
export function testDatagrams(name: string, make: () => DatagramNetwork, hosts: readonly string[]): void {
  for (const host of hosts) {
    const test = (what: string, body: (a: DatagramSocket, b: DatagramSocket, network: DatagramNetwork) => unknown) =>
      Deno.test(`${name}, ${host}: a UDP socket ${what}`, async () => {
        const network = make(), a = network.bind({ host, port: 0 }), b = network.bind({ host, port: 0 });
        try {
          await body(a, b, network);
        } finally {
          a.close();
          b.close();
        }
      });

    test("carries datagrams both ways, with the addresses of both sides", async (a, b) => {
      assertEquals(a.send(batchTo(b.address, [encode("one"), encode("two")]), 2), 2);
      const batch = new DatagramBatch(8, 100);
      for (let received = 0; received < 2;) {
        const count = await b.receive(batch);
        for (let index = 0; index < count; index++) {
          assertEquals(batch.remote(index), a.address);
          assertEquals(batch.local(index), { host, port: 0 });
          assertEquals(new TextDecoder().decode(batch.bytes(index)), ["one", "two"][received++]);
        }
      }
      assertEquals(b.send(batchTo(a.address, [encode("back")]), 1), 1);
      assertEquals(await receiveAll(a, 1), ["back"]);
    });

    test(
      "gives what is there without waiting, in order, as far as it can tell, and nothing after that",
      async (a, b) => {
        const texts = Array.from({ length: 9 }, (_, index) => `${index}`), small = new DatagramBatch(2, 100);
        a.send(batchTo(b.address, texts.map(encode)), 9);
        const got: string[] = [], large = new DatagramBatch(64, 100);
        while (got.length < 9) {
          for (const batch of [small, large]) {
            const count = batch === small ? await b.receive(batch) : b.receiveNow(batch);
            for (let index = 0; index < count; index++) got.push(new TextDecoder().decode(batch.bytes(index)));
            if (got.length === 9) break;
          }
        }
        assertEquals([got, b.receiveNow(large)], [texts, 0]);
        b.close();
        assertEquals(b.receiveNow(large), 0);
      },
    );

    test("carries more datagrams than a batch has room for", async (a, b) => {
      const texts = Array.from({ length: 100 }, (_, index) => `number ${index}`);
      const out = batchTo(b.address, texts.map(encode));
      assertEquals(a.send(out, 100), 100);
      assertEquals([...out.outcomes], texts.map(() => SendOutcome.Sent));
      assertEquals(await receiveAll(b, 100), texts);
    });

    test("carries an empty datagram", async (a, b) => {
      a.send(batchTo(b.address, [new Uint8Array(0)]), 1);
      assertEquals(await receiveAll(b, 1), [""]);
    });

    test("that is closed settles a pending receive, and sends nothing", async (a, b) => {
      const pending = a.receive(new DatagramBatch(1, 100));
      await new Promise((resolve) => setTimeout(resolve, 5));
      a.close();
      a.close();
      assertEquals(await pending, 0);
      assertEquals(await a.receive(new DatagramBatch(1, 100)), 0);
      const out = batchTo(b.address, [encode("late")]);
      assertEquals([a.send(out, 1), out.outcomes[0]], [0, SendOutcome.Failed]);
    });

    test("has its address alone", (a, _, network) => {
      assertThrows(() => network.bind(a.address), Deno.errors.AddrInUse);
    });
  }
}

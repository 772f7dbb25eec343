import { assert, assertEquals } from "@std/assert";
import { DatagramBatch } from "../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { receiveAll } from "../../src/net/receive_all.ts";
import { MemoryDatagrams } from "../support/network/memory_datagrams.ts";
import { settle } from "../support/time/fake_clock.ts";

Deno.test("all datagrams of a socket are taken in order, in bursts of any size, until it is closed", async () => {
  const network = new MemoryDatagrams(), capacities = new Set<number>(), waiting = new Set<DatagramBatch>();
  const [from, to] = [network.bind({ host: "127.0.0.1", port: 0 }), network.bind({ host: "127.0.0.1", port: 0 })];
  const receive = to.receive.bind(to);
  to.receive = (batch) => {
    waiting.add(batch);
    return receive(batch);
  };
  const got: string[] = [];
  const receiving = receiveAll(to, 100, (batch, index) => {
    capacities.add(batch.capacity);
    got.push(new TextDecoder().decode(batch.bytes(index)));
  });
  const out = new DatagramBatch(200, 100), expected: string[] = [];
  for (const burst of [1, 2, 3, 66, 67, 200, 1]) {
    for (let index = 0; index < burst; index++) {
      const text = `${expected.length}`;
      expected.push(text);
      out.slot(index).set(new TextEncoder().encode(text));
      out.lengths[index] = text.length;
      out.remotes.set(endpointOf(to.address), index * ENDPOINT_WORDS);
    }
    from.send(out, burst);
    for (let turn = 0; turn < 5; turn++) await settle();
    assertEquals(got, expected);
  }
  // It waits with room for two, whatever has come before.
  assertEquals([[...capacities], [...waiting].map(({ capacity }) => capacity)], [[2, 64], [2]]);
  from.send(out, 200);
  to.close();
  await receiving;
  assert(got.length === expected.length);
  from.close();
});

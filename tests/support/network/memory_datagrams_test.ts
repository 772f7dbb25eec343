import { assert, assertEquals } from "@std/assert";
import { SendOutcome } from "../../../src/net/datagram.ts";
import { batchTo, encode, receiveAll, testDatagrams } from "../../net/datagram_contract.ts";
import { MemoryDatagrams, type MemoryDatagramsOptions } from "./memory_datagrams.ts";

testDatagrams("in memory", () => new MemoryDatagrams(), ["192.0.2.1", "2001:db8::1"]);

/** The numbers of 200 datagrams that arrive, in their order. */
async function arrivals(options: MemoryDatagramsOptions): Promise<number[]> {
  const network = new MemoryDatagrams(options);
  const a = network.bind({ host: "192.0.2.1", port: 0 }), b = network.bind({ host: "192.0.2.2", port: 0 });
  a.send(batchTo(b.address, Array.from({ length: 200 }, (_, index) => encode(`${index}`))), 200);
  network.flush();
  a.send(batchTo(b.address, [encode("end")]), 1);
  network.loss = 0;
  for (let times = 0; times < 20; times++) a.send(batchTo(b.address, [encode("end")]), 1);
  network.flush();
  const texts: string[] = [];
  while (texts.at(-1) !== "end") texts.push(...await receiveAll(b, 1));
  a.close();
  b.close();
  assertEquals(network.openSockets, 0);
  return texts.filter((text) => text !== "end").map(Number);
}

const ALL = Array.from({ length: 200 }, (_, index) => index);

Deno.test("datagrams in memory are lost, doubled and reordered as asked, the same for a seed", async () => {
  const lossy = await arrivals({ loss: 0.3 });
  assert(lossy.length > 100 && lossy.length < 180);
  assertEquals(lossy, lossy.toSorted((a, b) => a - b));
  assertEquals(await arrivals({ loss: 0.3 }), lossy);
  assert((await arrivals({ loss: 0.3, seed: 2 })).join() !== lossy.join());
  const doubled = await arrivals({ duplication: 0.5 });
  assert(doubled.length > 270 && doubled.length < 330);
  assertEquals([...new Set(doubled)], ALL);
  const mixed = await arrivals({ reordering: 10 });
  assert(mixed.join() !== ALL.join());
  assertEquals(mixed.toSorted((a, b) => a - b), ALL);
  assert(mixed.every((number, index) => number <= index + 10), "none is overtaken by more than ten");
});

Deno.test("in memory, datagrams too long for the path and for the buffer have their outcome", async () => {
  const network = new MemoryDatagrams({ maxPayload: 5, buffered: 2 });
  const a = network.bind({ host: "192.0.2.1", port: 0 }), b = network.bind({ host: "192.0.2.2", port: 0 });
  const out = batchTo(b.address, ["a", "longer", "b", "c"].map(encode));
  assertEquals([a.send(out, 4), out.outcomes[1]], [3, SendOutcome.TooLarge]);
  assertEquals(await receiveAll(b, 2), ["a", "b"]);
  assertEquals(a.maxPayload(b.address), 5);
});

import { assertEquals } from "@std/assert";
import { DatagramWriter } from "../../src/net/datagram_writer.ts";
import { endpointOf } from "../../src/net/endpoint.ts";
import { MemoryDatagrams } from "../support/network/memory_datagrams.ts";

Deno.test("a writer counts what it can't send, by reason", async () => {
  const network = new MemoryDatagrams({ maxPayload: 10 });
  const socket = network.bind({ host: "127.0.0.1", port: 0 });
  const to = network.bind({ host: "127.0.0.1", port: 0 }), remote = endpointOf(to.address);
  const counts = { tooLarge: 0, blocked: 0, unsent: 0 }, writer = new DatagramWriter(socket, 20, counts);
  const add = (...lengths: number[]) => writer.add(remote, null, lengths.map((length) => new Uint8Array(length)), 0);
  // As long as fits, more than fits the path, and more than the writer takes.
  assertEquals([add(4, 6), add(11), add(15, 6)], [true, true, false]);
  await null;
  assertEquals(counts, { tooLarge: 2, blocked: 0, unsent: 0 });
  socket.close();
  assertEquals([add(1), add(2)], [true, true]);
  await null;
  assertEquals(counts, { tooLarge: 2, blocked: 0, unsent: 2 });
  to.close();
});

import { assert, assertEquals } from "@std/assert";
import { ReceiveRoom } from "../../src/net/receive_room.ts";

Deno.test("a socket's room grows while it is full, and is small again as soon as it is not", () => {
  const room = new ReceiveRoom(100);
  const capacities = (counts: readonly number[]) => counts.map((count) => room.after(count).capacity);
  assertEquals([room.batch.capacity, room.batch.size], [2, 100]);
  assertEquals(capacities([1, 2, 16, 64, 64, 63, 1, 2, 15]), [2, 16, 64, 64, 64, 2, 2, 16, 2]);
});

Deno.test("sockets that take turns share the memory of their floods, and none uses what another one holds", () => {
  const rooms = Array.from({ length: 100 }, () => new ReceiveRoom(200)), large = new Set<unknown>();
  for (const room of rooms) {
    large.add(room.after(2));
    large.add(room.after(16));
    room.after(1);
  }
  assertEquals(large.size, 2);
  const held = new Set(rooms.map((room) => room.after(2)));
  assertEquals(held.size, 100);
  for (const room of rooms) room.close();
  const next = new ReceiveRoom(200);
  assert(held.has(next.after(2)), "given back when its socket was closed");
});

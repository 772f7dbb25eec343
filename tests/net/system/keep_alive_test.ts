import { assertEquals } from "@std/assert";
import { keepAliveQueue } from "../../../src/net/system/keep_alive.ts";

Deno.test("connections get their keep-alive times together, those that have ended none", async () => {
  const applied: string[] = [];
  const [short, one, other] = [{}, {}, {}];
  keepAliveQueue.add(short, () => applied.push("short"));
  keepAliveQueue.add(one, () => applied.push("one"));
  keepAliveQueue.add(other, () => applied.push("other"));
  keepAliveQueue.remove(short);
  assertEquals(applied, []);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assertEquals(applied, ["one", "other"]);
  keepAliveQueue.remove(one);
  assertEquals(applied, ["one", "other"]);
});

Deno.test("no timer is left when all connections have ended early", () => {
  const connection = {};
  keepAliveQueue.add(connection, () => {});
  keepAliveQueue.remove(connection);
});

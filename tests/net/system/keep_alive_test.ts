import { assertEquals } from "@std/assert";
import { keepAliveQueue } from "../../../src/net/system/keep_alive.ts";

Deno.test("connections get their keep-alive times together, those that have ended none", async () => {
  const applied: string[] = [];
  const [short, one] = ["short", "one", "other"].map((name) => keepAliveQueue.add(() => applied.push(name)));
  keepAliveQueue.remove(short!);
  assertEquals(applied, []);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assertEquals(applied, ["one", "other"]);
  keepAliveQueue.remove(one!);
  assertEquals(applied, ["one", "other"]);
});

Deno.test("no timer is left when all connections have ended early", () => {
  keepAliveQueue.remove(keepAliveQueue.add(() => {}));
});

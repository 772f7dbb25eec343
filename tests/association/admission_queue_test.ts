import { assertEquals } from "@std/assert";
import { AdmissionQueue, type Waiting } from "../../src/association/admission_queue.ts";

const from = (remoteHost: string): Waiting => ({ remoteHost });

Deno.test("a queue that is not full evicts nothing", () => {
  const queue = new AdmissionQueue<Waiting>(() => ({ total: 3, perSource: 2 }));
  assertEquals(["a", "a", "b"].map((host) => queue.add(from(host))), [null, null, null]);
  assertEquals(queue.size, 3);
});

Deno.test("an arrival from a source that has reached its share evicts that source's oldest", () => {
  const queue = new AdmissionQueue<Waiting>(() => ({ total: 100, perSource: 2 }));
  const [first, second, third, other] = [from("a"), from("a"), from("a"), from("b")];
  for (const one of [other, first, second]) assertEquals(queue.add(one!), null);
  assertEquals(queue.add(third!), first);
});

Deno.test("an arrival at a full queue evicts the oldest of the source with the most", () => {
  const queue = new AdmissionQueue<Waiting>(() => ({ total: 4, perSource: 4 }));
  const crowd = [from("a"), from("a"), from("a")];
  queue.add(from("b"));
  for (const one of crowd) queue.add(one);
  assertEquals(queue.add(from("c")), crowd[0]);
});

Deno.test("if no source has more than one association needs, the oldest of all is evicted", () => {
  const queue = new AdmissionQueue<Waiting>(() => ({ total: 5, perSource: 5, association: 3 }));
  const honest = [from("h"), from("h"), from("h")];
  const first = from("a");
  queue.add(first);
  for (const one of honest) queue.add(one);
  queue.add(from("b"));
  assertEquals(queue.add(from("c")), first);
  queue.remove(first);
  queue.add(from("h"));
  // Now source h has more than one association needs.
  assertEquals(queue.add(from("d")), honest[0]);
  queue.remove(honest[0]!);
  assertEquals(queue.add(from("e")), honest[1]);
});

Deno.test("changed limits apply from the next arrival", () => {
  const limits = { total: 1, perSource: 1 };
  const queue = new AdmissionQueue<Waiting>(() => limits);
  const first = from("a");
  queue.add(first);
  assertEquals(queue.add(from("b")), first);
  queue.remove(first);
  limits.total = 3;
  assertEquals(queue.add(from("c")), null);
});

Deno.test("a quick honest client among 5,000 strangers from 100 sources is never evicted", () => {
  const queue = new AdmissionQueue<Waiting>(() => ({ total: 1000, perSource: 250 }));
  const evict = (one: Waiting | null) => one !== null && queue.remove(one);
  for (let index = 0; index < 5000; index++) evict(queue.add(from(`10.0.0.${index % 100}`)));
  const honest = from("192.0.2.1");
  evict(queue.add(honest));
  // A stranger's source has at most ten of the thousand places; each of these goes before the honest one.
  for (let index = 0; index < 900; index++) {
    const evicted = queue.add(from(`10.0.0.${index % 100}`));
    assertEquals(evicted === honest, false);
    evict(evicted);
  }
  assertEquals([...queue].includes(honest), true);
  assertEquals(queue.size, 1000);
});

Deno.test("removal makes room, and a second removal has no effect", () => {
  const queue = new AdmissionQueue<Waiting>(() => ({ total: 1, perSource: 1 }));
  const one = from("a");
  queue.add(one);
  queue.remove(one);
  queue.remove(one);
  assertEquals([queue.size, queue.add(from("b"))], [0, null]);
});

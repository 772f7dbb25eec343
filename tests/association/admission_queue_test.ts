import { assertEquals } from "@std/assert";
import { AdmissionQueue, sourceNetwork, type Waiting } from "../../src/association/admission_queue.ts";

const from = (remoteHost: string): Waiting => ({ remoteHost });

Deno.test("while there is room, all may wait", () => {
  const room = new AdmissionQueue<Waiting>(() => ({ total: 3, perSource: 2 }));
  assertEquals(["a", "a", "b"].map((host) => room.add(from(host))), [null, null, null]);
  assertEquals(room.size, 3);
});

Deno.test("who comes from a source that has its share sends that source's oldest away, and nobody else", () => {
  const room = new AdmissionQueue<Waiting>(() => ({ total: 100, perSource: 2 }));
  const [first, second, third, other] = [from("a"), from("a"), from("a"), from("b")];
  for (const one of [other, first, second]) assertEquals(room.add(one!), null);
  assertEquals(room.add(third!), first);
});

Deno.test("who comes to a full room sends the oldest of the source that has most away", () => {
  const room = new AdmissionQueue<Waiting>(() => ({ total: 4, perSource: 4 }));
  const crowd = [from("a"), from("a"), from("a")];
  room.add(from("b"));
  for (const one of crowd) room.add(one);
  assertEquals(room.add(from("c")), crowd[0]);
});

Deno.test("a source with no more than one association needs is no crowd: of such, whoever has waited longest goes", () => {
  const room = new AdmissionQueue<Waiting>(() => ({ total: 5, perSource: 5, association: 3 }));
  const honest = [from("h"), from("h"), from("h")];
  const first = from("a");
  room.add(first);
  for (const one of honest) room.add(one);
  room.add(from("b"));
  assertEquals(room.add(from("c")), first);
  room.remove(first);
  room.add(from("h"));
  // Now it has more.
  assertEquals(room.add(from("d")), honest[0]);
  room.remove(honest[0]!);
  assertEquals(room.add(from("e")), honest[1]);
});

Deno.test("limits that change hold for who comes next", () => {
  const limits = { total: 1, perSource: 1 };
  const room = new AdmissionQueue<Waiting>(() => limits);
  const first = from("a");
  room.add(first);
  assertEquals(room.add(from("b")), first);
  room.remove(first);
  limits.total = 3;
  assertEquals(room.add(from("c")), null);
});

Deno.test("an honest client among 5,000 strangers from 100 sources is never the one to go while it is quick", () => {
  const room = new AdmissionQueue<Waiting>(() => ({ total: 1000, perSource: 250 }));
  const leave = (one: Waiting | null) => one !== null && room.remove(one);
  for (let index = 0; index < 5000; index++) leave(room.add(from(`10.0.0.${index % 100}`)));
  const honest = from("192.0.2.1");
  leave(room.add(honest));
  // A source has ten of the thousand places at most: all of them go before the only one of another source.
  for (let index = 0; index < 900; index++) {
    const gone = room.add(from(`10.0.0.${index % 100}`));
    assertEquals(gone === honest, false);
    leave(gone);
  }
  assertEquals([...room].includes(honest), true);
  assertEquals(room.size, 1000);
});

Deno.test("who has left makes room, and leaving twice counts once", () => {
  const room = new AdmissionQueue<Waiting>(() => ({ total: 1, perSource: 1 }));
  const one = from("a");
  room.add(one);
  room.remove(one);
  room.remove(one);
  assertEquals([room.size, room.add(from("b"))], [0, null]);
});

Deno.test("an IPv6 source is its network of 64 bits, however it is written", () => {
  assertEquals(sourceNetwork("192.0.2.1"), "192.0.2.1");
  assertEquals(sourceNetwork("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
  assertEquals(sourceNetwork("2001:db8:1:2::9"), "2001:db8:1:2");
  assertEquals(sourceNetwork("2001:db8::1"), "2001:db8:0:0");
  assertEquals(sourceNetwork("2001:0db8:0000::1"), "2001:db8:0:0");
  assertEquals(sourceNetwork("::1"), "0:0:0:0");
  assertEquals(sourceNetwork("fe80::1%eth0"), "fe80:0:0:0");
});

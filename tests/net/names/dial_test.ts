import { assertEquals, assertRejects } from "@std/assert";
import type { Address } from "../../../src/net/address.ts";
import { connectInTurn, dial } from "../../../src/net/names/dial.ts";
import { Lookups } from "../../../src/net/names/lookups.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";

const [A, B, C] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((host) => ({ host, port: 80 })) as [
  Address,
  Address,
  Address,
];

/** A network in which some hosts never answer. */
function setUp(silent: readonly string[] = []) {
  const dialled: string[] = [];
  const network = new MemoryNetwork({
    onConnect: ({ host }) => {
      dialled.push(host);
      return silent.includes(host) ? new Promise(() => {}) : undefined;
    },
  });
  const clock = new FakeClock();
  return { dialled, network, clock, options: { network, clock, timeout: 6000 } };
}

Deno.test("addresses are tried in order until one accepts", async () => {
  const { network, dialled, options } = setUp();
  const listener = network.listen(B);
  const connection = await connectInTurn([A, B, C], options);
  assertEquals([connection.remote.host, dialled], [B.host, [A.host, B.host]]);
  connection.close();
  listener.close();
});

Deno.test("an address that does not answer leaves the others their share of the time", async () => {
  const { network, dialled, clock, options } = setUp([A.host, B.host]);
  const listener = network.listen(C);
  const connecting = connectInTurn([A, B, C], options);
  await clock.advance(1999);
  assertEquals(dialled, [A.host]);
  await clock.advance(1);
  assertEquals(dialled, [A.host, B.host]);
  await clock.advance(2000);
  const connection = await connecting;
  assertEquals([connection.remote.host, clock.pending], [C.host, 0]);
  connection.close();
  listener.close();
});

Deno.test("if none accepts, each has its reason, and one that refused makes it refused", async () => {
  const { clock, options } = setUp([A.host]);
  const connecting = assertRejects(
    () => connectInTurn([A, B], options),
    Deno.errors.ConnectionRefused,
    "192.0.2.1:80: no connection within 3 s; 192.0.2.2:80: Connection refused",
  );
  await clock.advance(3000);
  await connecting;
  await assertRejects(() => connectInTurn([B], options), Deno.errors.ConnectionRefused, "Connection refused");
});

Deno.test("an aborted signal stops further attempts", async () => {
  const { dialled, clock, options } = setUp([A.host]);
  const giveUp = new AbortController();
  const connecting = connectInTurn([A, B], { ...options, signal: giveUp.signal });
  await settle();
  giveUp.abort(new RangeError("ending"));
  await assertRejects(() => connecting, RangeError, "ending");
  assertEquals([dialled, clock.pending], [[A.host], 0]);
});

Deno.test("the time limit includes resolving a name, and all of its addresses are tried", async () => {
  const { network, dialled, clock, options } = setUp();
  const listener = network.listen(B);
  const asked: string[] = [];
  const resolve = (name: string) => {
    asked.push(name);
    return new Promise<string[]>((resolve) => void clock.after(1000, () => resolve([A.host, B.host])));
  };
  const connecting = dial({ host: "web.test.", port: 80 }, { ...options, lookups: new Lookups({ clock, resolve }) });
  await clock.advance(1000);
  const connection = await connecting;
  assertEquals([asked, dialled, clock.pending], [["web.test."], [A.host, B.host], 0]);
  connection.close();
  listener.close();
});

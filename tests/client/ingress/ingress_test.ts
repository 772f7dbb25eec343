import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Arrival, IngressProtocol } from "../../../src/client/ingress/arrival.ts";
import { Socks5Ingress } from "../../../src/client/ingress/socks5.ts";
import { ForwardIngress, RedirectIngress, TproxyIngress } from "../../../src/client/ingress/implicit_destination.ts";
import { Ingress, type IngressOptions } from "../../../src/client/ingress/ingress.ts";
import { writeAll } from "../../../src/net/connection.ts";
import { StartError } from "../../../src/net/listen/listen.ts";
import { silentLog } from "../../../src/log/log.ts";
import { single } from "../../../src/workers/worker_group.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";
import { LISTEN, readSome, startTalk } from "../../support/handlers/talk.ts";

const ANY = { host: "0.0.0.0", port: 6522 };

function open(
  protocols: IngressProtocol[],
  network: MemoryNetwork,
  options: Partial<IngressOptions> = {},
  pending = 1024,
): Ingress {
  return new Ingress(protocols, {
    ...{ network, clock: new FakeClock(), log: silentLog, group: single() },
    limits: () => ({ timeout: 5000, keepalive: 60_000, pending }),
    makeTransparent: () => {},
    refused: () => {},
    handle: ({ connection }) => Promise.resolve(connection.close()),
    ...options,
  });
}

Deno.test("a forward leads to its server, and reports errors by a reset", async () => {
  const entry = new ForwardIngress({ listen: LISTEN, server: "web", port: 80 });
  await using talk = await startTalk(entry);
  const arrival = await talk.arrival();
  assertEquals([arrival.destination, arrival.accepted], [{ host: "web", port: 80 }, undefined]);
  await arrival.refused(new Error());
  await assertRejects(() => readSome(talk.application), Deno.errors.ConnectionReset);
  assertEquals(talk.clock.pending, 0);
});

Deno.test("a redirect leads to the original destination, or to the local address if the system knows none", async () => {
  const destination = { host: "192.0.2.1", port: 80 };
  for (const [known, expected] of [[destination, destination], [undefined, LISTEN]] as const) {
    await using talk = await startTalk(new RedirectIngress(LISTEN, () => known));
    assertEquals((await talk.arrival()).destination, expected);
  }
});

Deno.test("a redirected connection whose destination can't be determined is reset", async () => {
  await using talk = await startTalk(
    new RedirectIngress(LISTEN, () => {
      throw new Deno.errors.NotFound("No original destination");
    }),
  );
  await assertRejects(() => readSome(talk.application), Deno.errors.ConnectionReset);
  await talk.ingress.idle();
  assertEquals(talk.arrivals, []);
});

Deno.test("TPROXY leads to the local address, and only its listener is transparent", async () => {
  const network = new MemoryNetwork();
  const transparent: number[] = [];
  const destinations: unknown[] = [];
  const ingress = open([new Socks5Ingress(LISTEN), new TproxyIngress(ANY)], network, {
    makeTransparent: ({ address }) => transparent.push(address.port),
    handle(arrival) {
      const { destination, connection } = arrival as Arrival;
      destinations.push(destination);
      return Promise.resolve(connection.close());
    },
  });
  const application = await network.connect({ host: "198.51.100.7", port: 6522 });
  await settle();
  assertEquals([transparent, destinations], [[6522], [{ host: "198.51.100.7", port: 6522 }]]);
  application.close();
  await ingress.close();
  await ingress.idle();
});

Deno.test("without the privilege for transparency, the ingress does not start and leaves nothing open", () => {
  const network = new MemoryNetwork();
  const makeTransparent = () => {
    throw new Deno.errors.PermissionDenied("TPROXY needs the capability CAP_NET_ADMIN");
  };
  const entries = [new Socks5Ingress(LISTEN), new TproxyIngress(ANY)];
  assertThrows(() => open(entries, network, { makeTransparent }), StartError, "CAP_NET_ADMIN");
  assertEquals(network.openListeners, 0);
});

Deno.test("each ingress protocol has its listening addresses", async () => {
  const network = new MemoryNetwork();
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const entries = [new Socks5Ingress(at(1)), new TproxyIngress(at(2)), new Socks5Ingress(at(3))];
  const ingress = open(entries, network);
  assertEquals(ingress.at("socks5"), [at(1), at(3)]);
  assertEquals([ingress.at("tproxy"), ingress.at("forward")], [[at(2)], []]);
  assertEquals(ingress.addresses, [at(1), at(2), at(3)]);
  await ingress.close();
});

Deno.test("of 1,025 silent applications the first is evicted, and the last is served", async () => {
  const network = new MemoryNetwork({ capacity: 64 });
  const arrived = Promise.withResolvers<unknown>();
  const ingress = open([new Socks5Ingress(LISTEN)], network, {
    handle(arrival) {
      const { destination, connection } = arrival as Arrival;
      arrived.resolve(destination);
      return Promise.resolve(connection.close());
    },
  });
  const silent = await Promise.all(Array.from({ length: 1024 }, () => network.connect(LISTEN)));
  await settle();
  const last = await network.connect(LISTEN);
  await assertRejects(() => silent[0]!.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  await writeAll(last, Uint8Array.fromHex("050100" + "0501000303776562" + "0050"));
  assertEquals(await arrived.promise, { host: "web", port: 80 });
  await settle();
  assertEquals(ingress.size, 1023);
  for (const application of [...silent, last]) application.close();
  await ingress.close();
  await ingress.idle();
  assertEquals(network.openEnds, 0);
});

Deno.test("protocols are replaced at the same addresses; listeners stay, and differences are returned", async () => {
  const network = new MemoryNetwork();
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const arrived: unknown[] = [];
  const ingress = open(
    [new ForwardIngress({ listen: at(1), server: "web", port: 80 }), new Socks5Ingress(at(2))],
    network,
    {
      handle(arrival) {
        const { connection, destination } = arrival as Arrival;
        arrived.push(destination);
        return Promise.resolve(connection.close());
      },
    },
  );
  const talk = async () => {
    (await network.connect(at(1))).close();
    await settle();
  };
  await talk();
  assertEquals(
    ingress.replace([new Socks5Ingress(at(2)), new ForwardIngress({ listen: at(1), server: "mail", port: 25 })]),
    [],
  );
  await talk();
  assertEquals(ingress.replace([new RedirectIngress(at(2), () => undefined)]), ["forward", "socks5", "redirect"]);
  await talk();
  assertEquals(arrived, [{ host: "web", port: 80 }, { host: "mail", port: 25 }, { host: "mail", port: 25 }]);
  assertEquals([ingress.addresses, network.openListeners], [[at(1), at(2)], 2]);
  await ingress.close();
  await ingress.idle();
});

Deno.test("closing resets connections with incomplete requests", async () => {
  await using talk = await startTalk(new Socks5Ingress(LISTEN));
  await writeAll(talk.application, Uint8Array.fromHex("050100"));
  assertEquals((await readSome(talk.application)).toHex(), "0500");
  await talk.ingress.close();
  await assertRejects(() => readSome(talk.application), Deno.errors.ConnectionReset);
  await talk.ingress.idle();
  assertEquals([talk.clock.pending, talk.network.openListeners], [0, 0]);
});

Deno.test("the oldest incomplete request of the source that has most is evicted", async () => {
  const network = new MemoryNetwork();
  const ingress = open([new Socks5Ingress(LISTEN)], network, {}, 4);
  const connect = async (source: string) => {
    network.source = source;
    const connection = await network.connect(LISTEN);
    await settle();
    return connection;
  };
  const honest = await connect("192.0.2.9");
  const crowd = [];
  for (let count = 0; count < 10; count++) crowd.push(await connect("203.0.113.1"));
  assertEquals(ingress.size, 4);
  for (const connection of crowd.slice(0, 7)) {
    await assertRejects(() => readSome(connection), Deno.errors.ConnectionReset);
  }
  // The greeting of SOCKS5 without authentication, and its answer.
  await writeAll(honest, Uint8Array.of(5, 1, 0));
  assertEquals(await readSome(honest), Uint8Array.of(5, 0));
  await ingress.close();
  for (const connection of [honest, ...crowd]) connection.close();
});

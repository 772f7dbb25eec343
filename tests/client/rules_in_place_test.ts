/** Detection of redirecting rules by a client handler without the privilege to read them. */
import { assertEquals, assertRejects } from "@std/assert";
import type { Arrival } from "../../src/client/ingress/arrival.ts";
import { RulesInPlace } from "../../src/client/rules_in_place.ts";
import { PROBE_PORTS, SENTINELS } from "../../src/rules/sentinel.ts";
import type { Address } from "../../src/net/address.ts";
import type { Connection } from "../../src/net/connection.ts";
import { Inconclusive } from "../../src/observe/readiness.ts";
import type { Family } from "../../src/rules/ruleset.ts";
import { joinWorkerGroup, workerGroupMemory } from "../../src/workers/worker_group.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { Handlers, REDIRECT } from "../support/handlers/handlers_in_memory.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair, readToEnd } from "../support/handlers/pair.ts";

const SENTINEL = SENTINELS.redirect;

const BOTH: Address = { host: "::", port: 6522 };

/** A machine whose rules redirect connections of some address families to the handler. */
function machine(...led: Family[]) {
  const network = new MemoryNetwork(), clock = new FakeClock();
  /** Local ports and destinations of probes, and their fate. */
  const probes: [number, Address][] = [];
  const fate: { takes?: (port: number, to: Address) => void } = {};
  const rules: RulesInPlace = new RulesInPlace(network, clock, undefined, (port, to) => {
    probes.push([port, to]);
    if (fate.takes === undefined) return undefined;
    fate.takes(port, to);
    return { [Symbol.dispose]() {} };
  });
  const leading = new Map<Address, () => void>();
  const lead = (
    family: Family,
    take: (connection: Connection) => void = (connection) => arrive(rules, connection, SENTINEL[family]),
    sentinels = SENTINEL,
  ) => {
    const listener = network.listen(sentinels[family]);
    leading.set(sentinels[family], () => listener.close());
    (async () => {
      for (let one = await listener.accept(); one !== null; one = await listener.accept()) take(one);
    })();
  };
  for (const family of led) lead(family);
  const end = async () => {
    for (const stop of leading.values()) stop();
    await settle();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  };
  return {
    rules,
    clock,
    probes,
    fate,
    lead,
    leave: (family: Family, sentinels = SENTINEL) => leading.get(sentinels[family])!(),
    end,
  };
}

function arrive(rules: RulesInPlace, connection: Connection, destination: Address, redirected = true): boolean {
  const refused = () => Promise.resolve();
  const arrival: Arrival = { connection, destination, refused, ...redirected && { redirected } };
  return rules.consumes(arrival);
}

Deno.test("rules are in place if they redirect a connection over IPv4 or IPv6 to the handler", async () => {
  for (const led of [["ipv4"], ["ipv6"], ["ipv4", "ipv6"]] as const) {
    const { rules, end } = machine(...led);
    await rules.verify([BOTH], true);
    await rules.verify([BOTH], false);
    await end();
  }
});

Deno.test("without redirected connections, expected rules are missing, and other rules are unknown", async () => {
  const { rules, end } = machine();
  const missing = await assertRejects(() => rules.verify([BOTH], true), Error, "run micss rules apply");
  assertEquals(missing instanceof Inconclusive, false);
  await assertRejects(() => rules.verify([BOTH], false), Inconclusive, "none of micss rules are in place");
  await end();
});

Deno.test("rules that were in place before and are lost for a family are reported, even if not expected", async () => {
  const { rules, lead, leave, end } = machine("ipv4", "ipv6");
  await rules.verify([BOTH], false);
  leave("ipv6");
  await assertRejects(() => rules.verify([BOTH], false), Error, "IPv6 is no longer redirected here");
  lead("ipv6");
  await rules.verify([BOTH], false);
  await end();
});

/** A connection from one of this machine's own addresses. */
async function arriveFrom(rules: RulesInPlace, port: number, host: string, destination: Address): Promise<boolean> {
  const [application, inside] = await applicationPair();
  const connection = Object.create(inside, {
    remote: { value: { host, port } },
    close: { value: () => inside.close() },
  });
  const taken = arrive(rules, connection, destination);
  if (!taken) inside.close();
  application.close();
  return taken;
}

const WEB: Address = { host: "192.0.2.1", port: 80 };

Deno.test("rules are probed with connections like an application's, each from another port", async () => {
  const { rules, probes, fate, end } = machine("ipv4", "ipv6");
  fate.takes = (port, to) => void arriveFrom(rules, port, "127.0.0.1", to);
  const ipv6: Address = { host: "2001:db8::1", port: 443 };
  await rules.verify([BOTH], true, [WEB, ipv6]);
  await rules.verify([BOTH], true, [WEB]);
  const [first] = PROBE_PORTS;
  assertEquals(probes, [[first, WEB], [first + 1, ipv6], [first + 2, WEB]]);
  await end();
});

Deno.test("a connection that another rule takes first is reported although rules are in place", async () => {
  const { rules, clock, fate, end } = machine("ipv4", "ipv6");
  fate.takes = () => {};
  const looked = assertRejects(
    () => rules.verify([BOTH], true, [WEB]),
    Error,
    "a connection to 192.0.2.1:80 is not redirected here, though rules are in place",
  );
  await clock.advance(2000);
  await looked;
  // A probe that can't be sent proves nothing.
  delete fate.takes;
  await rules.verify([BOTH], true, [WEB]);
  await end();
});

Deno.test("expected rules that never were in place for a family are reported", async () => {
  const { rules, end } = machine("ipv4");
  await assertRejects(
    () => rules.verify([BOTH], true, [{ host: "2001:db8::1", port: 80 }]),
    Error,
    "no connection over IPv6 is redirected here; run micss rules apply",
  );
  await rules.verify([BOTH], false, [{ host: "2001:db8::1", port: 80 }]);
  await end();
});

Deno.test("another host's connection from a probe port is not a probe", async () => {
  const { rules, end } = machine();
  const [first, last] = PROBE_PORTS;
  const cases: [number, string, boolean][] = [
    [first, "127.0.0.1", true],
    [last, "::1", true],
    [last + 1, "127.0.0.1", false],
    [first - 1, "127.0.0.1", false],
    [first, "198.51.100.77", false],
  ];
  for (const [port, host, taken] of cases) assertEquals(await arriveFrom(rules, port, host, WEB), taken);
  await end();
});

Deno.test("TPROXY rules are detected by their own sentinel port, reported when lost, and unknown before", async () => {
  const { rules, lead, leave, end } = machine("ipv4");
  await assertRejects(() => rules.verifyTproxy([BOTH]), Inconclusive, "no TPROXY rule for port 2 of 127.6.5.22");
  lead("ipv4", (connection) => arrive(rules, connection, SENTINELS.tproxy.ipv4), SENTINELS.tproxy);
  await rules.verifyTproxy([BOTH]);
  leave("ipv4", SENTINELS.tproxy);
  await assertRejects(() => rules.verifyTproxy([BOTH]), Error, "IPv4 is no longer redirected here");
  await end();
});

Deno.test("a probe that arrives elsewhere or nowhere fails within two seconds", async () => {
  const { rules, clock, lead, end } = machine();
  const taken: Connection[] = [];
  lead("ipv4", (connection) => void taken.push(connection));
  const looked = assertRejects(() => rules.verify([{ host: "127.0.0.1", port: 6522 }], true), Error, "no connection");
  await clock.advance(2000);
  await looked;
  assertEquals(taken.length, 1);
  for (const connection of taken) connection.close();
  await end();
});

Deno.test("a redirect at an address that local rules can't lead to is not checked", async () => {
  const { rules, end } = machine("ipv4");
  await assertRejects(() => rules.verify([{ host: "192.0.2.9", port: 6522 }], true), Inconclusive, "192.0.2.9:6522");
  await end();
});

Deno.test("only a redirected connection to the sentinel is a probe, and it is closed", async () => {
  const { rules, end } = machine();
  const cases: [Address, boolean, boolean][] = [
    [SENTINEL.ipv4, true, true],
    [SENTINEL.ipv6, true, true],
    [SENTINEL.ipv4, false, false],
    [{ ...SENTINEL.ipv4, port: 3 }, true, false],
    [{ host: "127.0.0.1", port: 1 }, true, false],
    [SENTINELS.tproxy.ipv4, true, true],
    [SENTINELS.tproxy.ipv6, true, true],
  ];
  for (const [destination, redirected, taken] of cases) {
    const [application, inside] = await applicationPair();
    assertEquals(arrive(rules, inside, destination, redirected), taken);
    if (taken) assertEquals(await readToEnd(application), { bytes: new Uint8Array(0), error: null });
    else inside.close();
    application.close();
  }
  await end();
});

Deno.test("a probe causes neither a session nor a log line", async () => {
  const handlers = new Handlers();
  handlers.network.route = (to) => to.host === SENTINEL.ipv4.host ? REDIRECT : to;
  handlers.originalDestination = () => SENTINEL.ipv4;
  const before = handlers.clientLines.length;
  await handlers.client.verifyRules(true);
  assertEquals([handlers.clientLines.slice(before), handlers.client.sessions], [[], 0]);
  await handlers.close();
});

Deno.test("a probe that arrives at another worker of the same client shows that rules are in place", async () => {
  const memory = workerGroupMemory(2);
  const network = new MemoryNetwork(), clock = new FakeClock();
  const [one, other] = [0, 1].map((index) => new RulesInPlace(network, clock, joinWorkerGroup(memory, index).paths));
  const listener = network.listen(SENTINEL.ipv4);
  const looking = one!.verify([{ host: "0.0.0.0", port: 6522 }], true);
  const come = (await listener.accept())!;
  await clock.advance(50);
  arrive(other!, come, SENTINEL.ipv4);
  await clock.advance(10);
  await looking;
  listener.close();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
});

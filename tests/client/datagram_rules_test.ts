/** Detection of rules for UDP by a client handler without the privilege to read them. */
import { assertEquals, assertRejects } from "@std/assert";
import { DatagramRules } from "../../src/client/datagram_rules.ts";
import type { Address } from "../../src/net/address.ts";
import { Inconclusive } from "../../src/observe/readiness.ts";
import { type Family, familyOfHost } from "../../src/rules/ruleset.ts";
import { PROBE_PORTS, SENTINELS } from "../../src/rules/sentinel.ts";
import { joinWorkerGroup, workerGroupMemory } from "../../src/workers/worker_group.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const BOTH = [{ host: "::", port: 6522 }], OWN = "10.0.0.1";

/** A machine whose rules take probes that `takes` accepts. */
function machine(takes: (to: Address, port: number, times: number) => boolean, refuses?: number) {
  const clock = new FakeClock(), sent: string[] = [];
  const rules: DatagramRules = new DatagramRules({
    clock,
    ownHosts: () => [OWN],
    open: (_, port) => ({
      port: port === 0 ? 50_000 : port,
      send(to) {
        sent.push(`${port} ${to.host} ${to.port}`);
        if (refuses !== undefined) return refuses;
        const source = { host: OWN, port: port === 0 ? 50_000 : port };
        if (takes(to, port, sent.length)) assertEquals(rules.consumes(source, to), true);
        return 0;
      },
      [Symbol.dispose]() {},
    }),
  });
  /** Lets time pass until a promise settles. */
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    promise.then(() => over = true, () => over = true);
    while (!over) await clock.advance(100);
    return await promise;
  };
  const verify = (expected: boolean, destinations: readonly Address[] = []) =>
    settled(rules.verify(BOTH, expected, destinations));
  return { rules, sent, verify };
}

Deno.test("rules are found by sentinels, of each version of IP that the listener has", async () => {
  const { verify, sent } = machine(() => true);
  await verify(true);
  assertEquals(sent, ["0 127.6.5.22 2", "0 ::1 2"]);
});

Deno.test("a lost probe is sent again", async () => {
  const { verify, sent } = machine((_to, _port, times) => times > 4);
  await verify(true);
  assertEquals(sent.length > 4, true);
});

Deno.test("without rules, whether they are expected decides", async () => {
  const { verify } = machine(() => false);
  await assertRejects(() => verify(true), Error, "no datagram is taken here; run micss rules apply");
  await assertRejects(() => verify(false), Inconclusive, "no rules of micss for UDP are in place");
});

Deno.test("rules that were in place are missed", async () => {
  const lost = new Set<Family>();
  const { verify } = machine((to) => !lost.has(familyOfHost(to.host)));
  await verify(false);
  lost.add("ipv6");
  await assertRejects(() => verify(false), Error, "datagrams over IPv6 are no longer taken here; run micss rules");
});

Deno.test("a destination is probed from the ports of probes, unless there is no route", async () => {
  const to = { host: "192.0.2.1", port: 53 };
  const diverted = machine((to) => to.port === 2);
  await assertRejects(
    () => diverted.verify(true, [to]),
    Error,
    "a datagram to 192.0.2.1:53 is not taken here, though rules are in place; see which other rule comes first",
  );
  assertEquals(diverted.sent.at(-1), `${PROBE_PORTS[0]} 192.0.2.1 53`);
  const taken = machine(() => true);
  await taken.verify(true, [to, to]);
  assertEquals(taken.sent.slice(2), [`${PROBE_PORTS[0]} 192.0.2.1 53`, `${PROBE_PORTS[0] + 1} 192.0.2.1 53`]);
  const ENETUNREACH = 101;
  const unrouted = machine(() => true, ENETUNREACH);
  await assertRejects(() => unrouted.verify(false, [to]), Inconclusive);
});

Deno.test("only probes are consumed: to a sentinel, or from a probe's port of this machine", () => {
  const { rules } = machine(() => false);
  const to = { host: "192.0.2.1", port: 53 };
  assertEquals(rules.consumes({ host: OWN, port: PROBE_PORTS[1] }, to), true);
  assertEquals(rules.consumes({ host: OWN, port: PROBE_PORTS[1] + 1 }, to), false);
  assertEquals(rules.consumes({ host: "10.0.0.2", port: PROBE_PORTS[1] }, to), false);
  assertEquals(rules.consumes({ host: OWN, port: 40_000 }, SENTINELS.tproxy.ipv6), true);
});

Deno.test("a probe that arrives at another worker of the same client shows that rules are in place", async () => {
  const memory = workerGroupMemory(2), clock = new FakeClock();
  const of = (index: number) => joinWorkerGroup(memory, index).paths;
  const other = new DatagramRules({ clock, ownHosts: () => [OWN], shared: of(1) });
  const rules = new DatagramRules({
    clock,
    ownHosts: () => [OWN],
    shared: of(0),
    open: () => ({
      port: 50_000,
      send(to) {
        other.consumes({ host: OWN, port: 50_000 }, to);
        return 0;
      },
      [Symbol.dispose]() {},
    }),
  });
  const verified = rules.verify(BOTH, true, []);
  await clock.advance(100);
  await verified;
});

/** The commands that change installed rules and routes, and that no packet strays between two of them. */
import { assert, assertEquals } from "@std/assert";
import { changesTo } from "../../src/routes/changes.ts";
import type { RoutedChannel } from "../../src/routes/mod.ts";
import { type Network, type PolicyRule, routeWords, ruleWords, type TableRoute } from "../../src/routes/network.ts";
import { planRoutes } from "../../src/routes/plan.ts";
import { CHANNELS, client, LAPTOP, MAIN } from "./machine.ts";

/** A machine's rules and routes of ours, by their words, which commands change. */
class Tables {
  rules = new Map<string, PolicyRule>();
  routes = new Map<string, TableRoute>();
  readonly #known: Map<string, PolicyRule | TableRoute>;

  constructor(...all: readonly { rules: readonly PolicyRule[]; routes: readonly TableRoute[] }[]) {
    this.#known = new Map<string, PolicyRule | TableRoute>([
      ...all.flatMap(({ rules }) => rules).map((rule) => [ruleWords(rule), rule] as const),
      ...all.flatMap(({ routes }) => routes).map((route) => [routeWords(route), route] as const),
    ]);
  }

  /** Executes a command, which must be possible. */
  run(command: string): void {
    const [, kind, action, words] = /^(rule|route) (add|del) (.*)$/.exec(command)!;
    const map: Map<string, PolicyRule | TableRoute> = kind === "rule" ? this.rules : this.routes;
    assertEquals(map.has(words!), action === "del", command);
    if (action === "del") map.delete(words!);
    else map.set(words!, this.#known.get(words!)!);
  }

  /** The device that packets to a host leave by; null if they go nowhere, undefined if no rule of ours takes them. */
  deviceTo(host: string): string | null | undefined {
    const rule = [...this.rules.values()].find(({ to }) => to === host);
    if (rule === undefined) return undefined;
    const routes = [...this.routes.values()].filter(({ table }) => table === rule.table);
    // These hosts are on no network of the laptop's.
    const [first] = routes.filter(({ to }) => to === "default").sort((one, other) => one.metric - other.metric);
    return first === undefined ? undefined : "device" in first ? first.device : null;
  }
}

function laptop(changes: Partial<Network> = {}): Network {
  return { ...LAPTOP, ...changes };
}

Deno.test("what is in place needs no commands, and the rest is removed", () => {
  const plan = planRoutes("client", CHANNELS, LAPTOP);
  assertEquals(changesTo(plan, plan), []);
  const removal = changesTo({ rules: [], routes: [] }, plan);
  assertEquals(removal.map((command) => command.split(" ", 2).join(" ")), [
    ...Array(2).fill("rule del"),
    ...Array(6).fill("route del"),
  ]);
});

Deno.test("a new router, address or network changes the routes that it concerns", () => {
  const before = planRoutes("client", CHANNELS, LAPTOP);
  const main = MAIN.map((route) => route.gateway === "192.168.1.1" ? { ...route, gateway: "192.168.1.254" } : route);
  const after = planRoutes("client", CHANNELS, laptop({ main, ...before }));
  assertEquals(changesTo(after, before), [
    "route del default via 192.168.1.1 dev wlan0 metric 600 table 6522001 proto 65",
    "route add default via 192.168.1.254 dev wlan0 metric 600 table 6522001 proto 65",
  ]);
});

/** Configurations between which a machine may change, in pairs, each in both directions. */
const CONFIGURATIONS: Record<string, readonly RoutedChannel[]> = {
  "two ways": CHANNELS,
  "two ways exchanged": client(["198.51.100.10 via 10.64.0.2", "192.0.2.10 via wlan0"]),
  "hosts exchanged": client(["198.51.100.10 via wlan0", "192.0.2.10 via lte0"]),
  "another way first": client(["203.0.113.1 via usb0", "192.0.2.10 via wlan0", "198.51.100.10 via lte0"]),
  "one way": client(["192.0.2.10 via wlan0"]),
  "no way": [],
};

for (const [from, before] of Object.entries(CONFIGURATIONS)) {
  for (const [to, after] of Object.entries(CONFIGURATIONS)) {
    Deno.test(`from ${from} to ${to}, no packet takes another channel's link between two commands`, () => {
      const old = planRoutes("client", before, LAPTOP);
      const next = planRoutes("client", after, laptop({ rules: old.rules, routes: old.routes }));
      const tables = new Tables(old, next);
      for (const command of changesTo(old, { rules: [], routes: [] })) tables.run(command);
      const devices = (host: string, channels: readonly RoutedChannel[]) =>
        channels.filter(({ packets }) => "to" in packets && packets.to === host).map(({ via }) =>
          via === "10.64.0.2" ? "lte0" : via
        );
      const hosts = ["192.0.2.10", "198.51.100.10", "203.0.113.1"];
      for (const command of changesTo(next, old)) {
        tables.run(command);
        for (const host of hosts) {
          const device = tables.deviceTo(host);
          const [was, will] = [devices(host, before), devices(host, after)];
          // A channel in both configurations is never without a rule that holds it.
          if (was.length > 0 && will.length > 0) assert(device !== undefined, `${command}: ${host} has no rule`);
          if (device !== undefined && device !== null) {
            assert([...was, ...will].includes(device), `${command}: ${device}`);
          }
        }
      }
      assertEquals([...tables.rules.keys()].sort(), next.rules.map(ruleWords).sort());
      assertEquals([...tables.routes.keys()].sort(), next.routes.map(routeWords).sort());
    });
  }
}

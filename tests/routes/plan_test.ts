/** Rules and routes for channels, from the machine's addresses and routes. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/config/problems.ts";
import { RoutesError } from "../../src/routes/mod.ts";
import { type Network, routeWords, ruleWords } from "../../src/routes/network.ts";
import { planRoutes } from "../../src/routes/plan.ts";
import { describeWay, sharedDevices } from "../../src/routes/verify.ts";
import { CHANNELS, client, LAPTOP, MAIN, server, shown, WITHOUT_IPV6 } from "./machine.ts";

/** The words of a plan's rules and routes. */
function words(plan: ReturnType<typeof planRoutes>): string[] {
  return [...plan.rules.map(ruleWords), ...plan.routes.map(routeWords)];
}

Deno.test("each way of a client has a table with its device's routes, and an end", () => {
  assertEquals(words(planRoutes("client", CHANNELS, LAPTOP)), [
    "to 192.0.2.10 lookup 6522001 priority 6522 protocol 65",
    "to 198.51.100.10 lookup 6522002 priority 6522 protocol 65",
    "192.168.1.0/24 dev wlan0 metric 600 table 6522001 proto 65",
    "default via 192.168.1.1 dev wlan0 metric 600 table 6522001 proto 65",
    "unreachable default metric 4000000000 table 6522001 proto 65",
    "10.64.0.0/24 dev lte0 src 10.64.0.2 table 6522002 proto 65",
    "default via 10.64.0.1 dev lte0 src 10.64.0.2 metric 700 table 6522002 proto 65",
    "unreachable default metric 4000000000 table 6522002 proto 65",
  ]);
});

Deno.test("a server's rules take the packets from each channel's address and the ports of its workers", () => {
  const plan = planRoutes("server", server(["192.168.1.5", "10.64.0.2:700"], 4), LAPTOP);
  assertEquals(words(plan).slice(0, 4), [
    "from 192.168.1.5 sport 6522-6525 lookup 6523001 priority 6523 protocol 65",
    "from 10.64.0.2 sport 700-703 lookup 6523002 priority 6523 protocol 65",
    "192.168.1.0/24 dev wlan0 metric 600 table 6523001 proto 65",
    "default via 192.168.1.1 dev wlan0 metric 600 table 6523001 proto 65",
  ]);
  const [rule] = planRoutes("server", server(["192.168.1.5"]), LAPTOP).rules;
  assertEquals(ruleWords(rule!), "from 192.168.1.5 sport 6522 lookup 6523001 priority 6523 protocol 65");
});

Deno.test("without its link, a way's table has nothing but its end", () => {
  const down: Network = {
    ...LAPTOP,
    main: MAIN.filter(({ device }) => device !== "lte0"),
    addresses: LAPTOP.addresses.filter(({ device }) => device !== "lte0"),
  };
  for (const via of ["lte0", "10.64.0.2"]) {
    const plan = planRoutes("client", client(["192.0.2.10 via wlan0", `198.51.100.10 via ${via}`]), down);
    assertEquals(words(plan).slice(5), ["unreachable default metric 4000000000 table 6522002 proto 65"]);
    assertEquals(plan.rules.length, 2);
    const why = via === "lte0" ? "lte0 has no route to 198.51.100.10 now" : "no device has 10.64.0.2 now";
    assertEquals(describeWay(plan.ways[1]!), `nowhere: ${why}`);
  }
});

Deno.test("both versions of IP use the same tables, each with its own channels", () => {
  const channels = client(["192.0.2.10 via wlan0", "[2001:db8::10] via lte0", "[2001:db8::11] via wlan0"]);
  const ipv6: Network = {
    ...WITHOUT_IPV6,
    main: [{ to: "default", gateway: "fe80::1", device: "lte0", metric: 1024 }],
  };
  assertEquals(planRoutes("client", channels, LAPTOP).rules.map(({ table }) => table), [6522001]);
  assertEquals(words(planRoutes("client", channels, ipv6)), [
    "to 2001:db8::10 lookup 6522002 priority 6522 protocol 65",
    "to 2001:db8::11 lookup 6522001 priority 6522 protocol 65",
    "default via fe80::1 dev lte0 metric 1024 table 6522002 proto 65",
    "unreachable default metric 4000000000 table 6522002 proto 65",
    "unreachable default metric 4000000000 table 6522001 proto 65",
  ]);
});

Deno.test("a default route that main has no more is kept while its router is on the link", () => {
  const routes = planRoutes("client", CHANNELS, LAPTOP).routes;
  const main = MAIN.filter(({ to, device }) => to !== "default" || device !== "lte0");
  const without = { ...LAPTOP, main, routes };
  assertEquals(planRoutes("client", CHANNELS, without).routes.map(routeWords), routes.map(routeWords));
  const moved: Network = {
    ...without,
    main: [...main.filter(({ device }) => device !== "lte0"), { to: "10.99.0.0/24", device: "lte0", metric: 0 }],
  };
  assertEquals(planRoutes("client", CHANNELS, moved).routes.map(routeWords).slice(3), [
    "10.99.0.0/24 dev lte0 src 10.64.0.2 table 6522002 proto 65",
    "unreachable default metric 4000000000 table 6522002 proto 65",
  ]);
});

Deno.test("two servers by one way share its table, and one address has one rule", () => {
  const channels = [...CHANNELS, ...client(["192.0.2.10 via wlan0", "192.0.2.20 via wlan0"])];
  const { rules, routes, ways } = planRoutes("client", channels, LAPTOP);
  assertEquals(rules.map(({ to, table }) => [to, table]), [
    ["192.0.2.10", 6522001],
    ["198.51.100.10", 6522002],
    ["192.0.2.20", 6522001],
  ]);
  assertEquals([routes.length, ways.length], [6, 4]);
});

Deno.test("of two routes with one destination and metric, the first is copied", () => {
  const main = [...MAIN, { to: "default", gateway: "192.168.1.2", device: "wlan0", metric: 600 }];
  assertEquals(
    words(planRoutes("client", CHANNELS, { ...LAPTOP, main })),
    words(planRoutes("client", CHANNELS, LAPTOP)),
  );
});

Deno.test("channels of one server by one device are reported", () => {
  const channels = client(["192.0.2.10 via wlan0", "198.51.100.10 via 192.168.1.5"]);
  const { ways } = planRoutes("client", channels, LAPTOP);
  assertEquals(sharedDevices(ways), [
    "channel 1 of web (192.0.2.10:6522 via wlan0) and channel 2 of web (198.51.100.10:6522 via 192.168.1.5) " +
    "leave by wlan0: that is one path",
  ]);
  assertEquals(sharedDevices(planRoutes("client", CHANNELS, LAPTOP).ways), []);
});

Deno.test("a table of the whole Internet is not copied", () => {
  const main = Array.from(
    { length: 1001 },
    (_, at) => ({ to: `10.1.${at >> 8}.${at & 255}`, device: "wlan0", metric: 0 }),
  );
  assertThrows(() => planRoutes("client", CHANNELS, { ...LAPTOP, main }), RoutesError, "wlan0 has 1001 routes");
});

Deno.test("all addresses of a name have a rule, of the family of the way", () => {
  const hosts = { "web.example": ["192.0.2.10", "192.0.2.11", "2001:db8::10"] };
  assertEquals(shown(client(["web.example via wlan0", "198.51.100.10 via lte0"], hosts)), [
    "to 192.0.2.10 via wlan0",
    "to 192.0.2.11 via wlan0",
    "to 2001:db8::10 via wlan0",
    "to 198.51.100.10 via lte0",
  ]);
  assertEquals(shown(client(["web.example via 192.168.1.5"], hosts)).length, 2);
});

Deno.test("channels that can't have routes of their own are reported, a line each", () => {
  const hosts = { "web.example": ["192.0.2.10"] };
  const cases: [() => unknown, string[]][] = [
    [
      () => client(["192.0.2.10", "198.51.100.10 via lte0"]),
      ["channel 1 of web (192.0.2.10:6522): no way; write its device or local address after via"],
    ],
    [
      () => client(["web.example via wlan0", "192.0.2.10 via lte0"], hosts),
      [
        "channel 2 of web (192.0.2.10:6522 via lte0): 192.0.2.10 is also the address of " +
        "channel 1 of web (web.example:6522 via wlan0); give each way a destination of its own",
      ],
    ],
    [
      () => client(["none.example via wlan0", "web.example via 2001:db8::5", "127.0.0.1 via lo"], hosts),
      [
        "channel 1 of web (none.example:6522 via wlan0): does not resolve; give an address",
        "channel 2 of web (web.example:6522 via 2001:db8::5): does not resolve; give an address",
        "channel 3 of web (127.0.0.1:6522 via lo): a loopback address takes no link; give the server's own address",
      ],
    ],
    [
      () => client(["[fe80::1%wlan0] via wlan0", "198.51.100.10 via lte0"], { "fe80::1%wlan0": ["fe80::1"] }),
      ["channel 1 of web ([fe80::1%wlan0]:6522 via wlan0): a link-local address has its link already; give a global one"],
    ],
    [
      () => server(["0.0.0.0", "127.0.0.2", "192.0.2.1:0"]),
      [
        "channel 1 (0.0.0.0:6522): any address; give the address that its link has",
        "channel 2 (127.0.0.2:6522): a loopback address has no link; give the address of one",
        "channel 3 (192.0.2.1:0): port 0 is a different port each time; give it a fixed one",
      ],
    ],
  ];
  for (const [make, lines] of cases) {
    const error = assertThrows(make, UsageError);
    assertEquals(error.lines, lines.map((line) => `micss routes: ${line}`));
  }
});

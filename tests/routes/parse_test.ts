/** The output of `ip -N -json` (iproute2 6.1). */
import { assertEquals } from "@std/assert";
import { readAddresses, readMainRoutes, readRules, readTableRoutes } from "../../src/routes/parse.ts";

Deno.test("addresses are read with their devices, without those that can't be used yet", () => {
  const output = [{
    ifname: "wlan0",
    addr_info: [
      { family: "inet", local: "192.168.1.5", prefixlen: 24 },
      { family: "inet6", local: "2001:db8::5", prefixlen: 64, tentative: true },
      { family: "inet6", local: "fe80::5", prefixlen: 64 },
    ],
  }, {}];
  assertEquals(readAddresses(output), [
    { device: "wlan0", host: "192.168.1.5" },
    { device: "wlan0", host: "fe80::5" },
  ]);
});

Deno.test("the routes of main by a device are read, also one of several, and others are not", () => {
  const output = [
    { dst: "default", gateway: "10.1.0.2", dev: "a0", metric: 600, flags: [] },
    { dst: "default", via: { family: "inet6", host: "fe80::1" }, dev: "a0", flags: ["onlink"] },
    { dst: "10.1.0.0/24", dev: "a0", protocol: "2", scope: "253", prefsrc: "10.1.0.1", flags: ["linkdown"] },
    { dst: "10.3.0.0/24", dev: "a0", flags: ["dead", "linkdown"] },
    { type: "7", dst: "10.2.0.0/24", metric: 5, flags: [] },
    {
      dst: "10.9.0.0/16",
      metric: 7,
      flags: [],
      nexthops: [{ gateway: "10.1.0.3", dev: "a0", weight: 1, flags: [] }, { dev: "a1", weight: 1, flags: ["dead"] }],
    },
  ];
  assertEquals(readMainRoutes(output), [
    { to: "default", device: "a0", gateway: "10.1.0.2", metric: 600 },
    { to: "default", device: "a0", gateway: "inet6 fe80::1", onlink: true, metric: 0 },
    { to: "10.1.0.0/24", device: "a0", source: "10.1.0.1", metric: 0 },
    { to: "10.9.0.0/16", device: "a0", gateway: "10.1.0.3", metric: 7 },
  ]);
});

Deno.test("only the routes of a side's tables are ours", () => {
  const output = [
    { dst: "default", gateway: "10.1.0.2", dev: "a0", table: "6522001", metric: 600, flags: [] },
    { type: "7", dst: "default", dev: "lo", table: "6522001", metric: 4000000000, flags: [] },
    { dst: "default", dev: "a0", table: "6523001", flags: [] },
    { dst: "default", dev: "a0", table: "100", flags: [] },
    { dst: "default", dev: "a0", flags: [] },
  ];
  assertEquals(readTableRoutes(output, "client"), [
    { table: 6522001, to: "default", device: "a0", gateway: "10.1.0.2", metric: 600 },
    { table: 6522001, to: "default", metric: 4_000_000_000 },
  ]);
  assertEquals(readTableRoutes(output, "server").length, 1);
});

Deno.test("only rules with our protocol, priority and tables are ours", () => {
  const ours = { priority: 6522, src: "all", dst: "192.0.2.10", table: "6522001", protocol: "65" };
  const server = { priority: 6523, src: "192.0.2.1", table: "6523002", protocol: "65" };
  const output = [
    { priority: 0, src: "all", table: "255" },
    ours,
    { ...ours, protocol: "3" },
    { ...ours, protocol: undefined },
    { ...ours, priority: 6521 },
    { ...ours, table: "100" },
    { ...server, sport: 6522 },
    { ...server, sport_start: 6522, sport_end: 6525 },
    // One for TCP alone is to be replaced.
    { ...server, ipproto: "ipproto-6", sport: 6522 },
    { src: "all", table: "253" },
  ];
  assertEquals(readRules(output, "client"), [{ priority: 6522, to: "192.0.2.10", table: 6522001 }]);
  assertEquals(readRules(output, "server"), [
    { priority: 6523, from: "192.0.2.1", ports: [6522, 6522], table: 6523002 },
    { priority: 6523, from: "192.0.2.1", ports: [6522, 6525], table: 6523002 },
    { priority: 6523, from: "192.0.2.1", ports: [6522, 6522], protocol: 6, table: 6523002 },
  ]);
});

Deno.test("output of another kind is no rows", () => {
  for (const output of [null, {}, "x", [null, 1]]) {
    assertEquals([readAddresses(output), readMainRoutes(output), readRules(output, "client")], [[], [], []]);
  }
});

import { assertEquals, assertThrows } from "@std/assert";
import {
  bytesHost,
  canonicalHost,
  connectedHost,
  hostBytes,
  inZoneOf,
  isIp,
  isLinkLocal,
  isLoopback,
  isWithin,
  parseSubnet,
  sameHost,
  sourceNetwork,
} from "../../src/net/ip.ts";

Deno.test("an address has bytes in network order, which have a canonical spelling", () => {
  const cases: [host: string, hex: string, spelling?: string][] = [
    ["0.0.0.0", "00000000"],
    ["192.0.2.1", "c0000201"],
    ["255.255.255.255", "ffffffff"],
    ["::", "00".repeat(16)],
    ["::1", `${"00".repeat(15)}01`],
    ["1::", `0001${"00".repeat(14)}`],
    ["2001:DB8:0:0::10", "20010db8000000000000000000000010", "2001:db8::10"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1::8", "00010000000000000000000000000008"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff".repeat(16)],
    ["fe80::1%eth0", "fe800000000000000000000000000001", "fe80::1"],
    ["::ffff:192.0.2.1", "c0000201", "192.0.2.1"],
    ["64:ff9b::192.0.2.1", "0064ff9b0000000000000000c0000201", "64:ff9b::c000:201"],
  ];
  for (const [host, hex, spelling = host] of cases) {
    assertEquals(hostBytes(host)?.toHex(), hex, host);
    assertEquals(bytesHost(hostBytes(host)!), spelling, host);
  }
});

Deno.test("a name has no bytes", () => {
  for (const host of ["", "localhost", "1.2.3", "1.2.3.256", "1.2.3.4.5", "::g", "[::1]", "12345::"]) {
    assertEquals(hostBytes(host), null, host);
  }
});

Deno.test("a network contains the addresses that share its prefix", () => {
  const cases: [network: string, inside: string[], outside: string[]][] = [
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::", "::1", "localhost"]],
    ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::a00:0"]],
    ["192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]],
    ["192.0.2.8/29", ["192.0.2.8", "192.0.2.15"], ["192.0.2.7", "192.0.2.16"]],
    ["192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]],
    ["::/0", ["::", "ffff::"], ["0.0.0.0", "::ffff:0.0.0.0"]],
    ["2001:db8::/33", ["2001:db8::", "2001:db8:7fff::1"], ["2001:db8:8000::", "2001:db9::"]],
    ["::1/128", ["::1"], ["::2"]],
  ];
  for (const [text, inside, outside] of cases) {
    const network = parseSubnet(text);
    for (const host of inside) assertEquals(isWithin(host, network), true, `${host} in ${text}`);
    for (const host of outside) assertEquals(isWithin(host, network), false, `${host} in ${text}`);
  }
});

Deno.test("text that is not a network is rejected with an example of one", () => {
  for (
    const text of ["", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "a/8", "10.0.0.0/8/8", "/8"]
  ) {
    assertThrows(() => parseSubnet(text), SyntaxError, `not a network: "${text}"; write one such as`);
  }
  assertThrows(
    () => parseSubnet("10.1.2.3/8"),
    SyntaxError,
    'address has bits beyond the prefix: "10.1.2.3/8"; write 10.0.0.0/8',
  );
  assertThrows(() => parseSubnet("2001:db8::1/32"), SyntaxError, "write 2001:db8::/32");
});

Deno.test("a host has a canonical spelling, including its zone", () => {
  const cases = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["::ffff:0.0.0.0", "0.0.0.0"],
    ["::ffff:192.0.2.1%eth0", "192.0.2.1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["FE80::1%eth0", "fe80::1%eth0"],
    ["1::ffff:1.2.3.4", "1::ffff:102:304"],
    ["Web.Example.", "web.example"],
    ["web", "web"],
  ] as const;
  for (const [host, canonical] of cases) {
    assertEquals(canonicalHost(host), canonical, host);
    assertEquals(canonicalHost(canonical), canonical, canonical);
  }
});

Deno.test("hosts are the same in any spelling; zones differ only if both have one", () => {
  const cases = [
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["fe80::1%2", "fe80::1", true],
    ["fe80::1", "FE80:0::1%eth0", true],
    ["fe80::1%2", "fe80::1%3", false],
    ["fe80::1%2", "fe80::2", false],
    ["one.test.", "One.Test", true],
    ["one.test", "one.test.search.test", false],
  ] as const;
  for (const [a, b, same] of cases) {
    assertEquals(sameHost(a, b), same, `${a} ${b}`);
    assertEquals(sameHost(b, a), same, `${b} ${a}`);
  }
});

Deno.test("addresses are told from names, and loopback addresses from others", () => {
  for (const host of ["192.0.2.1", "::", "fe80::1%br_lan", "::ffff:1.2.3.4"]) assertEquals(isIp(host), true, host);
  for (const host of ["", "web", "1.2.3", "01.2.3.4", "[::1]", "fe80::1%", "1%2"]) {
    assertEquals(isIp(host), false, host);
  }
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assertEquals(isLoopback(host), true, host);
  for (const host of ["128.0.0.1", "::", "0.0.0.0", "::2"]) assertEquals(isLoopback(host), false, host);
});

Deno.test("a connection to the unspecified address reaches loopback", () => {
  const cases = [["0.0.0.0", "127.0.0.1"], ["::", "::1"], ["0::0", "::1"], ["::ffff:0.0.0.0", "127.0.0.1"]] as const;
  for (const [host, reached] of cases) assertEquals(connectedHost(host), reached);
  for (const host of ["192.0.2.1", "::1", "web"]) assertEquals(connectedHost(host), host);
});

Deno.test("an IPv6 source is its /64 network, in any notation", () => {
  assertEquals(sourceNetwork("192.0.2.1"), "192.0.2.1");
  assertEquals(sourceNetwork("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(sourceNetwork("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  assertEquals(sourceNetwork("2001:db8:1:2::9"), "2001:db8:1:2::");
  assertEquals(sourceNetwork("2001:db8::1"), "2001:db8::");
  assertEquals(sourceNetwork("2001:0db8:0000::1"), "2001:db8::");
  assertEquals(sourceNetwork("::1"), "::");
  assertEquals(sourceNetwork("fe80::1%eth0"), "fe80::");
});

Deno.test("a link-local address gets the zone of another one, unless it has its own", () => {
  for (const host of ["fe80::1", "FEBF::1", "fe80::1%eth0"]) assertEquals(isLinkLocal(host), true, host);
  for (const host of ["fec0::1", "fe8::1", "2001:db8::1", "192.0.2.1", "fe80.example"]) {
    assertEquals(isLinkLocal(host), false, host);
  }
  for (
    const [known, host, zoned] of [
      ["fe80::2%eth0", "fe80::1", "fe80::1%eth0"],
      ["fe80::2%eth0", "fe80::1%3", "fe80::1%3"],
      ["fe80::2", "fe80::1", "fe80::1"],
      ["fe80::2%eth0", "2001:db8::1", "2001:db8::1"],
      ["fe80::2%eth0", "192.0.2.1", "192.0.2.1"],
    ] as const
  ) assertEquals(inZoneOf(known, host), zoned);
});

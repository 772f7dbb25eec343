import { assertEquals, assertThrows } from "@std/assert";
import { formatAddress, parseAddress, parsePort, sameAddress } from "../../src/net/address.ts";
import { isIpv4, isIpv6 } from "../../src/net/ip.ts";

Deno.test("an address has a host and a port, or the default port", () => {
  const cases: [string, string, number][] = [
    ["192.0.2.1:80", "192.0.2.1", 80],
    ["192.0.2.1", "192.0.2.1", 6522],
    ["0.0.0.0:0", "0.0.0.0", 0],
    ["255.255.255.255:65535", "255.255.255.255", 65535],
    ["[2001:db8::1]:80", "2001:db8::1", 80],
    ["[2001:DB8::A]", "2001:db8::a", 6522],
    ["[::]:1", "::", 1],
    ["[::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1],
    ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
    ["[FE80::1%WAN]:1", "fe80::1%WAN", 1],
    ["localhost:080", "localhost", 80],
    ["Web.Example.COM", "web.example.com", 6522],
    ["a:1", "a", 1],
  ];
  for (const [text, host, port] of cases) assertEquals(parseAddress(text, 6522), { host, port }, text);
});

Deno.test("formatting an address reverses parsing", () => {
  for (const text of ["192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%2]:0", "web.example.com:65535"]) {
    assertEquals(formatAddress(parseAddress(text)), text);
  }
});

Deno.test("without a default a missing port is an error that shows what to write", () => {
  assertEquals(parseAddress("web:0", 1).port, 0);
  assertThrows(() => parseAddress("web"), SyntaxError, `missing port: "web"; write web:PORT`);
  assertThrows(() => parseAddress("[::1]"), SyntaxError, `missing port: "[::1]"; write [::1]:PORT`);
});

Deno.test("an invalid address is an error that quotes it", () => {
  const cases: [string, string][] = [
    ["", `not an address: ""`],
    [":80", `missing host: ":80"; write HOST:80, such as 127.0.0.1:80`],
    ["8080", `missing host: "8080"; write HOST:8080, such as 127.0.0.1:8080`],
    ["192.0.2.1,192.0.2.2", `not an address: "192.0.2.1,192.0.2.2"; give one at a time`],
    ["web=192.0.2.1", `not an address: "web=192.0.2.1"; write HOST:PORT`],
    ["web:", `not an address: "web:"; write HOST:PORT`],
    ["web:80:81", `not an address: "web:80:81"; write HOST:PORT`],
    ["web:http", "not an address: "],
    ["web :80", "not an address: "],
    ["web:-1", "not an address: "],
    ["2001:db8::1", "write an IPv6 address as [2001:db8::1]"],
    ["::", "write an IPv6 address as [::]"],
    ["[]:80", "not an address: "],
    ["[web]:80", "not an address: "],
    ["[192.0.2.1]:80", "not an IPv6 address: "],
    ["[2001:db8::1", "not an address: "],
    ["2001:db8::1]", "not an address: "],
    ["[1::2::3]:80", "not an IPv6 address: "],
    ["[12345::]:80", "not an IPv6 address: "],
    ["[::1]80", "not an address: "],
    ["web..:80", "empty part in a host name"],
    ["web..example.net", "empty part in a host name"],
    [".web:80", "empty part in a host name"],
    ["256.0.0.1:80", "not an IPv4 address: "],
    ["192.0.2:80", "not an IPv4 address: "],
    ["1.2.3.4.5:80", "not an IPv4 address: "],
    ["01.2.3.4:80", "not an IPv4 address: "],
    ["web:65536", `not a port: "65536"; write a number from 0 to 65535`],
    ["web:000080", `not a port: "000080"`],
    ["web:99999999999999999999", "not a port: "],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => parseAddress(text, 6522), SyntaxError, message, `for "${text}"`);
  }
});

Deno.test("a port is a decimal number from 0 to 65535", () => {
  for (const [text, port] of [["0", 0], ["1", 1], ["6522", 6522], ["65535", 65535]] as const) {
    assertEquals(parsePort(text), port);
  }
  for (const text of ["", "-1", "+1", "65536", "1.0", "1e3", "0x50", " 80", "80 ", "http"]) {
    assertThrows(() => parsePort(text), SyntaxError, `not a port: "${text}"`);
  }
});

Deno.test("an IPv4 address has four numbers from 0 to 255 in decimal", () => {
  for (const host of ["0.0.0.0", "127.0.0.1", "255.255.255.255"]) assertEquals(isIpv4(host), true, host);
  for (const host of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.", "1.2.3.x", "0x1.2.3.4", "::1"]) {
    assertEquals(isIpv4(host), false, host);
  }
});

Deno.test("an IPv6 address may have a zone, but no brackets", () => {
  for (const host of ["::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "fe80::1%eth0", "FE80::1%2"]) {
    assertEquals(isIpv6(host), true, host);
  }
  for (
    const host of [
      "",
      ":",
      "1.2.3.4",
      "1:2",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      "g::",
      "[::1]",
      "::1]/[",
      "::1%",
      "::1%]",
      "web:80",
    ]
  ) {
    assertEquals(isIpv6(host), false, host);
  }
});

Deno.test("addresses are the same in any spelling, unless host or port differ", () => {
  const a = { host: "::ffff:192.0.2.1", port: 80 };
  assertEquals(sameAddress(a, { host: "192.0.2.1", port: 80 }), true);
  assertEquals(sameAddress(a, { host: "192.0.2.1", port: 81 }), false);
  assertEquals(sameAddress(a, { host: "192.0.2.2", port: 80 }), false);
  assertEquals(sameAddress({ host: "fe80::1%2", port: 1 }, { host: "fe80::1", port: 1 }), true);
  assertEquals(sameAddress({ host: "fe80::1%2", port: 1 }, { host: "fe80::1%3", port: 1 }), false);
});

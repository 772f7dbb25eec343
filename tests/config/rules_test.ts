import { assertEquals, assertThrows } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { accountSyntax, deviceSyntax, selectorSyntax } from "../../src/config/rules.ts";

Deno.test("each selector has one spelling, which reads back as the same value", () => {
  const cases: [string, string | undefined, unknown][] = [
    ["*:80", undefined, { to: "*", port: 80 }],
    ["*", undefined, { to: "*", port: "*" }],
    ["*:*", "*", { to: "*", port: "*" }],
    ["servers", undefined, { to: "servers", port: "*" }],
    ["servers:443", undefined, { to: "servers", port: 443 }],
    ["192.0.2.1", undefined, { to: { host: "192.0.2.1", bits: 32 }, port: "*" }],
    ["192.0.2.1:65535", undefined, { to: { host: "192.0.2.1", bits: 32 }, port: 65535 }],
    ["192.0.2.0/24:80", undefined, { to: { host: "192.0.2.0", bits: 24 }, port: 80 }],
    ["0.0.0.0/0", undefined, { to: { host: "0.0.0.0", bits: 0 }, port: "*" }],
    ["[2001:DB8:0::1]:80", "[2001:db8::1]:80", { to: { host: "2001:db8::1", bits: 128 }, port: 80 }],
    ["[2001:db8::]/32", undefined, { to: { host: "2001:db8::", bits: 32 }, port: "*" }],
    ["[2001:db8::/32]:80", "[2001:db8::]/32:80", { to: { host: "2001:db8::", bits: 32 }, port: 80 }],
  ];
  for (const [text, written, value] of cases) {
    assertEquals(selectorSyntax.parse(text), value, text);
    assertEquals(selectorSyntax.format(selectorSyntax.parse(text)), written ?? text);
  }
});

Deno.test("a selector without a valid network or port gets a remedy", () => {
  const remedy = "write *:80, servers, 192.0.2.0/24:80 or [2001:db8::]/32";
  const cases: [string, string][] = [
    ["", `not a network: ""; ${remedy}`],
    ["web", `not a network: "web"; ${remedy}`],
    ["2001:db8::1", `not a network: "2001:db8::1"; ${remedy}`],
    ["192.0.2.1:80:81", `not a network: "192.0.2.1:80:81"; ${remedy}`],
    ["*:80,81", `not a network: "*:80,81"; ${remedy}`],
    ["80", `not a network: "80"; ${remedy}`],
    ["*:0", 'port 0 is not allowed: "*:0"; write a port from 1 to 65535'],
    ["*:65536", 'not a port: "65536"; write a number from 0 to 65535'],
    ["192.0.2.1/24", 'address has bits beyond the prefix: "192.0.2.1/24"; write 192.0.2.0/24'],
    ["192.0.2.0/33", 'not a network: "192.0.2.0/33"; write one such as 192.0.2.0/24 or 2001:db8::/32'],
    ["[192.0.2.1;]", 'not a network: "192.0.2.1;/128"; write one such as 192.0.2.0/24 or 2001:db8::/32'],
  ];
  for (const [text, message] of cases) assertThrows(() => selectorSyntax.parse(text), SyntaxError, message);
});

Deno.test("users, groups and devices are names or numbers that no tool could misinterpret", () => {
  for (const text of ["bob", "www-data", "_apt", "svc$", "0", "65532", "4294967294"]) {
    assertEquals(accountSyntax.parse(text), text);
  }
  for (const text of ["", "-1", "4294967295", "a b", "1a", "bob;", "root\n", "a".repeat(34)]) {
    assertThrows(() => accountSyntax.parse(text), SyntaxError, "not a user or group");
  }
  for (const text of ["eth0", "br-lan", "wg0", "eth0.100", "enp3s0f1"]) assertEquals(deviceSyntax.parse(text), text);
  for (const text of ["", "-o", "a b", 'x"y', "eth0;", "sixteenletters00", "a/b"]) {
    assertThrows(() => deviceSyntax.parse(text), SyntaxError, "not a device name");
  }
});

Deno.test("a handler has settings of rules only if its file has the key, even with an empty map", () => {
  const parse = (rules: string) =>
    parseClientCommand(["--config", "c"], () => `servers: {web: [192.0.2.1, 192.0.2.2]}\nredirect: ["[::]"]\n${rules}`);
  assertEquals(parse("").rules, undefined);
  assertEquals(parse("rules: {}").rules?.take, [{ to: "servers", port: "*" }]);
  assertEquals(parse("rules: {exempt-uid: [7]}").rules?.exemptUids, ["7"]);
});

import { assertEquals } from "@std/assert";
import { destinationHost } from "../../../src/client/ingress/destination_host.ts";

Deno.test("addresses become canonical, names lower case with the final dot of an absolute one", () => {
  const cases = {
    "192.0.2.1": "192.0.2.1",
    "2001:DB8:0:0::1": "2001:db8::1",
    "::ffff:c000:201": "192.0.2.1",
    "web": "web",
    "Web.Example.COM.": "web.example.com.",
    "_srv.example-1.com": "_srv.example-1.com",
    "3com.com": "3com.com",
    "0xfoo": "0xfoo",
    [`${"a".repeat(63)}.`.repeat(3) + "a".repeat(61)]: `${"a".repeat(63)}.`.repeat(3) + "a".repeat(61),
  };
  for (const [text, host] of Object.entries(cases)) assertEquals(destinationHost(text), host, text);
});

Deno.test("invalid names, and names that some resolvers take for addresses, are rejected", () => {
  const none = [
    "",
    ".",
    "a..b",
    ".a",
    "a.",
    "a b",
    "a\0",
    "a/b",
    "a@b",
    "a:80",
    "[::1]",
    "fe80::1%1",
    "\u00e9",
    "a".repeat(64),
  ];
  const numbers = [
    "127.1",
    "1.2.3.256",
    "2130706433",
    "0x7f000001",
    "0x",
    "a.0x7f",
    "a.1",
    "010.0.0.1",
    "1.2.3.4.5",
    "127.1.",
  ];
  const long = `${"a".repeat(63)}.`.repeat(3) + "a".repeat(62);
  for (const text of [...none.filter((text) => text !== "a."), ...numbers, long]) {
    assertEquals(destinationHost(text), null, JSON.stringify(text));
  }
});

import { assertEquals } from "@std/assert";
import { isOwn } from "../../src/net/own_address.ts";

const HOSTS = ["198.51.100.7", "2001:db8::7", "fe80::7"];

Deno.test("a destination is the handler's own if one of its listeners would accept the connection", () => {
  const cases: [string, number, string, number, boolean][] = [
    ["127.0.0.1", 8080, "127.0.0.1", 8080, true],
    ["127.0.0.1", 8080, "127.0.0.1", 8081, false],
    ["127.0.0.1", 8080, "127.0.0.2", 8080, false],
    ["127.0.0.1", 8080, "198.51.100.7", 8080, false],
    ["0.0.0.0", 8080, "127.5.6.7", 8080, true],
    ["0.0.0.0", 8080, "198.51.100.7", 8080, true],
    ["0.0.0.0", 8080, "203.0.113.1", 8080, false],
    ["0.0.0.0", 8080, "198.51.100.7", 80, false],
    ["::", 8080, "::1", 8080, true],
    ["::", 8080, "2001:db8::7", 8080, true],
    ["::", 8080, "2001:db8::8", 8080, false],
    ["127.0.0.1", 8080, "0.0.0.0", 8080, true],
    ["0.0.0.0", 8080, "0.0.0.0", 8080, true],
    ["::1", 8080, "::", 8080, true],
    ["::", 8080, "0.0.0.0", 8080, true],
    ["127.0.0.1", 8080, "::ffff:0.0.0.0", 8080, true],
    ["127.0.0.1", 8080, "::", 8080, false],
    ["198.51.100.7", 8080, "0.0.0.0", 8080, false],
    ["::", 8080, "fe80::7%2", 8080, true],
  ];
  for (const [host, port, toHost, toPort, own] of cases) {
    const result = isOwn({ host: toHost, port: toPort }, [{ host: "192.0.2.1", port: 1 }, { host, port }], HOSTS);
    assertEquals(result, own, `${toHost}:${toPort} at ${host}:${port}`);
  }
  assertEquals(isOwn({ host: "127.0.0.1", port: 1 }, [], HOSTS), false);
});

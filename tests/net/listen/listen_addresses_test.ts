import { assertEquals } from "@std/assert";
import { listenAddresses } from "../../../src/net/listen/listen_addresses.ts";

const HOSTS = ["127.0.0.1", "::1", "192.0.2.7", "fe80::7"];
const NAMES: Record<string, readonly string[]> = {
  localhost: ["::1", "127.0.0.1"],
  "own.test": ["198.51.100.1", "192.0.2.7"],
  "other.test": ["198.51.100.1"],
};
const machine = {
  hosts: () => HOSTS,
  resolve: (name: string) => {
    const found = NAMES[name];
    return found === undefined ? Promise.reject(new Error("the name is not known")) : Promise.resolve(found);
  },
};

Deno.test("a name stands for its addresses on this machine, an address for itself", async () => {
  const cases: [host: string, hosts: string[]][] = [
    ["localhost", ["::1", "127.0.0.1"]],
    ["own.test", ["192.0.2.7"]],
    ["other.test", ["other.test"]],
    ["unknown.test", ["unknown.test"]],
    ["192.0.2.9", ["192.0.2.9"]],
    ["::", ["::"]],
  ];
  for (const [host, hosts] of cases) {
    const found = await listenAddresses({ host, port: 80 }, machine);
    assertEquals(found, hosts.map((host) => ({ host, port: 80 })), host);
  }
});

Deno.test("a machine of unknown addresses may have any; one without IPv6 lacks ::1", async () => {
  const all = await listenAddresses({ host: "localhost", port: 80 }, { ...machine, hosts: () => [] });
  assertEquals(all.map(({ host }) => host), ["::1", "127.0.0.1"]);
  const ipv4 = await listenAddresses({ host: "localhost", port: 80 }, { ...machine, hosts: () => ["127.0.0.1"] });
  assertEquals(ipv4.map(({ host }) => host), ["127.0.0.1"]);
});

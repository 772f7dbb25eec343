import { assertEquals } from "@std/assert";
import type { LocalMachine } from "../../src/net/names/local_machine.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { clientRequirements, serverRequirements, unmetRequirements } from "../../src/run/preflight.ts";

const MACHINE: LocalMachine = {
  hosts: () => ["192.0.2.1", "2001:db8:0::1", "fe80::1"],
  addresses: () => [
    { device: "eth0", host: "192.0.2.1" },
    { device: "eth0", host: "2001:db8::1" },
    { device: "wlan0", host: "fe80::1" },
  ],
  resolve: (name) => {
    const known: Record<string, string[]> = { here: ["192.0.2.1"], there: ["198.51.100.1"] };
    return name in known ? Promise.resolve(known[name]!) : Promise.reject(new Error(`${name}: the name is not known`));
  },
};

/** Unmet requirements of a client with these flags. */
function unmetOf(flags: string, machine = MACHINE): Promise<string[]> {
  const config = parseClientCommand(flags.split(" "), () => "");
  return unmetRequirements(clientRequirements(config), () => "HERE", machine);
}

const SERVER = "--server web=198.51.100.1,203.0.113.1";

Deno.test("listening needs an assigned address, in any spelling, by name or as a wildcard", async () => {
  for (
    const host of ["192.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]", "[fe80::1%eth0]", "here", "0.0.0.0", "[::]"]
  ) {
    assertEquals(await unmetOf(`${SERVER} --socks5 ${host}:1080`), [], host);
  }
  const problem = "is not assigned to this machine; the handler will not start";
  assertEquals(await unmetOf(`${SERVER} --redirect 192.0.2.2 --tproxy [2001:db8::2]`), [
    `HERE: warning: 192.0.2.2 ${problem}`,
    `HERE: warning: 2001:db8::2 ${problem}`,
  ]);
  assertEquals(await unmetOf(`${SERVER} --udp-tproxy 192.0.2.3 --udp-forward 192.0.2.4:1=web:80`), [
    `HERE: warning: 192.0.2.4 ${problem}`,
    `HERE: warning: 192.0.2.3 ${problem}`,
  ]);
  assertEquals(await unmetOf(`${SERVER} --http-connect there:3128 --admin 198.51.100.7:9652 --forward here:1=web:80`), [
    `HERE: warning: there (198.51.100.1) ${problem}`,
    `HERE: warning: 198.51.100.7 ${problem}`,
  ]);
});

Deno.test("on a machine that does not report its addresses, any address passes", async () => {
  assertEquals(await unmetOf(`${SERVER} --socks5 192.0.2.2:1080`, { ...MACHINE, hosts: () => [] }), []);
});

Deno.test("hosts to connect to must resolve; a configured server's own name need not", async () => {
  const forward = "--forward 192.0.2.1:1=web:80";
  assertEquals(await unmetOf(`--server web=there,203.0.113.1 ${forward}`), []);
  assertEquals(await unmetOf(`--server web=gone,203.0.113.1 ${forward}`), [
    "HERE: warning: gone: the name is not known; connections there fail until it resolves",
  ]);
  assertEquals(await unmetOf("--identify gone=key.pub --forward gone:1=gone:80"), [
    "HERE: warning: gone: the name is not known; the handler will not start",
    "HERE: warning: gone: the name is not known; connections there fail until it resolves",
  ]);
});

Deno.test("a server's targets of datagrams must resolve, as others", async () => {
  const flags = "--channel 192.0.2.1 --channel [2001:db8::1] --udp-target 53=gone --udp-target 54=there";
  const requirements = serverRequirements(parseServerCommand(flags.split(" "), () => ""));
  assertEquals(await unmetRequirements(requirements, () => "HERE", MACHINE), [
    "HERE: warning: gone: the name is not known; connections there fail until it resolves",
  ]);
});

Deno.test("a channel's way must be a device with an address, or an address, of this machine", async () => {
  const client = (first: string, second: string): string[] => [
    "--server",
    `web=198.51.100.1 via ${first},203.0.113.1 via ${second}`,
    "--forward",
    "192.0.2.1:1=web:80",
  ];
  const unmet = (args: string[], machine = MACHINE) =>
    unmetRequirements(clientRequirements(parseClientCommand(args, () => "")), () => "HERE", machine);
  assertEquals(await unmet(client("eth0", "wlan0")), []);
  assertEquals(await unmet(client("192.0.2.1", "wlan0")), []);
  const problems = [
    "HERE: warning: no device wlan9 has an address on this machine, only eth0, wlan0; the channel fails until that changes",
    "HERE: warning: 192.0.2.9 is not assigned to this machine; the channel fails until that changes",
  ];
  assertEquals(await unmet(client("wlan9", "192.0.2.9")), problems);
  assertEquals(await unmet(client("wlan9", "192.0.2.9"), { ...MACHINE, addresses: () => [] }), []);
});

Deno.test("the zone of an address must be a device of this machine, or a number", async () => {
  const missing = "HERE: warning: no device eth9 has an address on this machine, only eth0, wlan0";
  const forward = (host: string) => `--forward [${host}]:1=web:80`;
  for (const zone of ["eth0", "3"]) {
    assertEquals(await unmetOf(`--server web=[fe80::5%${zone}],192.0.2.9 ${forward("fe80::1%3")}`), []);
  }
  assertEquals(await unmetOf(`--server web=[fe80::5%eth9],192.0.2.9 ${forward("fe80::1%eth9")}`), [
    `${missing}; the handler will not start`,
    `${missing}; connections there fail until that changes`,
  ]);
});

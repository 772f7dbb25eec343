import { assertEquals, assertThrows } from "@std/assert";
import { clientSpec } from "../../src/config/client.ts";
import { parseConfig } from "../../src/config/load.ts";
import { UsageError } from "../../src/config/problems.ts";
import { ClientState, type JoinedServer } from "../../src/state/client_state.ts";
import { hasDefaultIngress, withJoinedServers } from "../../src/state/joined_servers.ts";
import { makeTempDir } from "../support/programs/process.ts";

const WEB: JoinedServer = {
  name: "web",
  channels: [{ host: "192.0.2.10", port: 6522 }, { host: "198.51.100.10", port: 6522 }],
  serverKey: { kind: "micss-ed25519-public-v1", material: new Uint8Array(32).fill(1), comment: "" },
  clientKey: { kind: "micss-ed25519-v1", material: new Uint8Array(32).fill(2), comment: "" },
  client: "alice",
  invitation: "0123456789abcdef",
};

const CONFIGURED: readonly string[][] = [
  ["--forward", "127.0.0.1:8080=web:80"],
  ["--udp-forward", "127.0.0.1:5353=web:53"],
  ["--redirect", "127.0.0.1"],
  ["--tproxy", "127.0.0.1"],
  ["--udp-tproxy", "127.0.0.1"],
  ["--socks5", "127.0.0.1:1081"],
  ["--http-connect", "127.0.0.1:3128"],
];

Deno.test("SOCKS5 at the loopback address is added to joined servers only if no ingress of any kind is configured", async () => {
  await using directory = await makeTempDir();
  new ClientState(directory.path).keep(WEB);
  const defaultIngress = (...flags: string[]) => {
    const args = ["--state", directory.path, ...flags];
    return hasDefaultIngress(parseConfig("micss client", withJoinedServers(clientSpec), args, () => ""));
  };
  assertEquals(defaultIngress(), true);
  assertEquals(CONFIGURED.filter((flags) => defaultIngress(...flags)), []);
});

Deno.test("joined servers have the shares of the configuration, and none of their own", async () => {
  await using directory = await makeTempDir();
  new ClientState(directory.path).keep(WEB);
  const args = ["--state", directory.path, "--shares", "short"];
  const { shares, servers } = parseConfig("micss client", withJoinedServers(clientSpec), args, () => "");
  assertEquals([shares, servers.map(({ name, shares }) => [name, shares])], ["short", [["web", undefined]]]);
});

Deno.test("mistakes between settings are at their lines, also where joined servers are added", async () => {
  await using directory = await makeTempDir();
  const state = new ClientState(directory.path);
  for (const name of ["db", "web"]) state.keep({ ...WEB, name });
  const args = ["--config", "f.yaml", "--state", directory.path];
  const linesOf = (yaml: string) =>
    assertThrows(() => parseConfig("micss client", withJoinedServers(clientSpec), args, () => yaml), UsageError).lines;
  assertEquals(linesOf("threshold: 2\nassociations: 2\nwarm: 3\n"), [
    ...["db", "web"].map((name) =>
      `micss: f.yaml:1: threshold: server ${name}: threshold 2 with 2 channels; give less, or leave it out if all are needed`
    ),
    "micss: f.yaml:3: warm: 3 is more than associations, 2; give 2 or less",
  ]);
});

/** The system's network where the system is set otherwise than usual. */
import { assertEquals } from "@std/assert";
import { stdFlags } from "../../scripts/std.ts";
import { Namespace } from "../support/namespaces.ts";
import { run } from "../support/process.ts";
import { testWith } from "../support/programs.ts";

const PROGRAM = new URL("namespace_program.ts", import.meta.url).pathname;

async function inNamespace(sysctl: string, what: string): Promise<unknown> {
  await using namespace = await Namespace.make();
  await run(["sysctl", "-qw", sysctl], namespace);
  const command = [Deno.execPath(), "run", "-A", "--no-lock", ...await stdFlags(), PROGRAM, what];
  return JSON.parse((await run(command, namespace)).text());
}

testWith(["network namespaces"], "a port that would be connected to itself refuses the connection", async () => {
  const only = "net.ipv4.ip_local_port_range=40000 40000";
  assertEquals(await inNamespace(only, "itself"), "ConnectionRefused");
});

testWith(["network namespaces"], "[::] takes IPv4, too, whatever net.ipv6.bindv6only says", async () => {
  const both = ["127.0.0.1", "::1"];
  for (const setting of [0, 1]) {
    assertEquals(await inNamespace(`net.ipv6.bindv6only=${setting}`, "families"), [both, both], `${setting}`);
  }
});

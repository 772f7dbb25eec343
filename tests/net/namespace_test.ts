/** The system's network with unusual system settings. */
import { assertEquals } from "@std/assert";
import { stdFlags } from "../../scripts/std.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

const PROGRAM = new URL("namespace_program.ts", import.meta.url).pathname;

/** Runs a program of namespace_program.ts with a sysctl setting and files of /etc replaced. */
async function inNamespace(sysctl: string, what: string, etc: Record<string, string> = {}): Promise<unknown> {
  await using namespace = await Namespace.make();
  await using directory = await makeTempDir();
  await run(["sysctl", "-qw", sysctl], namespace);
  const mounts = Object.entries(etc).map(([name, content]) => {
    Deno.writeTextFileSync(`${directory.path}/${name}`, content);
    return `mount --bind ${directory.path}/${name} /etc/${name} && `;
  });
  const command = [Deno.execPath(), "run", "-A", ...await stdFlags(), PROGRAM, what];
  const mounted = ["unshare", "--mount", "--", "sh", "-c", `${mounts.join("")} exec "$@"`, "sh", ...command];
  return JSON.parse((await run(mounted, namespace)).text());
}

testWith(["network namespaces"], "a socket that the system would connect to itself is refused", async () => {
  const only = "net.ipv4.ip_local_port_range=40000 40000";
  assertEquals(await inNamespace(only, "itself"), "ConnectionRefused");
});

testWith(["network namespaces"], "[::] includes IPv4, whatever net.ipv6.bindv6only says", async () => {
  const both = ["127.0.0.1", "::1"];
  for (const setting of [0, 1]) {
    assertEquals(await inNamespace(`net.ipv6.bindv6only=${setting}`, "families"), [both, both], `${setting}`);
  }
});

testWith(
  ["network namespaces"],
  "an absolute name skips the search domains, and look-ups that hang do not delay others",
  async () => {
    const etc = {
      "resolv.conf": "nameserver 127.0.0.1\nsearch search.test\noptions ndots:5 timeout:5 attempts:2\n",
      "hosts": "127.0.0.41 known.test\n127.0.0.1 localhost\n127.0.0.40 known.test\n",
    };
    assertEquals(await inNamespace("net.ipv6.bindv6only=0", "names", etc), {
      absolute: ["192.0.2.51"],
      known: ["127.0.0.41", "127.0.0.40"],
      another: ["192.0.2.51"],
    });
  },
);

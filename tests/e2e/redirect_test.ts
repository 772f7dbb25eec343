import { assertEquals, assertMatch } from "@std/assert";
import { run } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { applicationCommand } from "../support/programs/peer.ts";
import { assertResetsCurl, CURL, testCore } from "./core.ts";
import { openRedirect, redirect } from "./paths.ts";

/** A volume of which each side and all sockets hold a part only; {@linkcode openForward} has a larger one. */
const MEGABYTES = 20;

const NEEDS = ["network namespaces", "iptables", "curl", "nginx"];

const ipv4Path = shared(() => openRedirect("ipv4"));

testCore("through --redirect", ["network namespaces", "iptables"], ipv4Path, MEGABYTES);
const ipv6Path = shared(() => openRedirect("ipv6"));

testCore("through --redirect over IPv6", ["network namespaces", "ip6tables"], ipv6Path, MEGABYTES);

testWith([...NEEDS, "ip6tables"], "one client handler accepts redirected IPv4 and IPv6 connections", async () => {
  const { near, far, target, topology } = await ipv6Path();
  await using nginx = await startNginx([target], far);
  await Deno.writeTextFile(`${nginx.root}/file`, "both families");
  await redirect(near.within ?? [], "ipv4", ["--dport", "80"]);
  for (const host of [`[${topology.ipv6[0]}]`, topology.ipv4[1]!, `[${topology.ipv6[2]}]`]) {
    assertEquals((await run([...CURL, `http://${host}/file`], near)).text(), "both families");
  }
});

testWith(NEEDS, "a redirected connection to an unknown server is refused and never passed on", async () => {
  const path = await ipv4Path();
  await path.topology.far.ip("address add 10.77.1.9/24 dev c1");
  await using nginx = await startNginx(["10.77.1.9:80"], path.far);
  await Deno.writeTextFile(`${nginx.root}/file`, "in the clear");
  const url = "http://10.77.1.9/file";
  // Without the rule the connection succeeds; otherwise this test could not fail.
  await run(["iptables", "-w", "-t", "nat", "-F", "OUTPUT"], path.near);
  assertEquals((await run([...CURL, url], path.near)).text(), "in the clear");
  await redirect(path.near.within ?? [], "ipv4", ["--dport", "80"]);
  await assertResetsCurl(url, path.near);
  await path.client.waitForLog("connection refused", { destination: "10.77.1.9:80" });
  assertEquals(
    (await path.client.waitForLogs(1, /./, { destination: "10.77.1.9:80" })).length,
    1,
    path.client.describe(),
  );
  assertEquals((await nginx.requests(1)).length, 1);
});

testWith(["network namespaces", "iptables"], "a connection to the redirect's own address is refused", async () => {
  // With any rule, the kernel tracks connections, and reports the original destination of an uncaught one as its own.
  const path = await ipv4Path();
  for (const own of ["127.0.0.1:6522", "10.77.1.1:6522"]) {
    const application = await run(applicationCommand("listen", own), path.near);
    assertMatch(application.text(), /^received 0 .* reset$/m);
    await path.client.waitForLog("connection refused", { destination: own });
  }
  const own = { destination: /:6522$/ };
  assertEquals((await path.client.waitForLogs(2, /refused/, own)).length, 2, path.client.describe());
});

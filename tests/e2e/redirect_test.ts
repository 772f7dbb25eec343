import { assertEquals, assertMatch } from "@std/assert";
import { startClient, startServer } from "../support/handlers/handlers.ts";
import { makeTopology } from "../support/system/namespaces.ts";
import { run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { applicationCommand } from "../support/programs/peer.ts";
import { assertResetsCurl, CURL, testCore } from "./core.ts";
import { asHandler, openInNamespaces, openRedirect, redirect } from "./paths.ts";

testCore("through --redirect", ["network namespaces", "iptables"], () => openRedirect("ipv4"));
testCore("through --redirect over IPv6", ["network namespaces", "ip6tables"], () => openRedirect("ipv6"));

const NEEDS = ["network namespaces", "iptables", "curl", "nginx"];

testWith([...NEEDS, "ip6tables"], "one client handler accepts redirected IPv4 and IPv6 connections", async () => {
  await using topology = await makeTopology();
  const { near, far, ipv4, ipv6 } = topology;
  const channels = [ipv4[0]!, ipv6[1]!, ipv4[2]!].map((host) => ({ host, port: 6522 }));
  await using nginx = await startNginx(["127.0.0.1:8080"], far);
  await Deno.writeTextFile(`${nginx.root}/file`, "both families");
  await using _server = await startServer(channels, "80=127.0.0.1:8080", far);
  await using _client = await startClient(channels, ["--redirect", "[::]:6522"], asHandler(near.within));
  await redirect(near.within, "ipv4", ["--dport", "80"]);
  await redirect(near.within, "ipv6", ["--dport", "80"]);
  for (const host of [ipv4[0]!, `[${ipv6[1]!}]`, ipv4[2]!]) {
    assertEquals((await run([...CURL, `http://${host}/file`], near)).text(), "both families");
  }
});

testWith(NEEDS, "a redirected connection to an unknown server is refused and never passed on", async () => {
  await using path = await openInNamespaces("ipv4", "10.77.1.9:80", ["--redirect", "0.0.0.0:6522"]);
  await path.topology.far.ip("address add 10.77.1.9/24 dev c1");
  await using nginx = await startNginx(["10.77.1.9:80"], path.far);
  await Deno.writeTextFile(`${nginx.root}/file`, "in the clear");
  const url = `http://${path.entry}/file`;
  // Without the rule the connection succeeds; otherwise this test could not fail.
  assertEquals((await run([...CURL, url], path.near)).text(), "in the clear");
  await redirect(path.topology.near.within, "ipv4", ["--dport", "80"]);
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
  await using path = await openInNamespaces("ipv4", "", ["--redirect", "0.0.0.0:6522"]);
  // With any rule, the kernel tracks connections, and reports the original destination of an uncaught one as its own.
  await redirect(path.topology.near.within, "ipv4", ["--dport", "80"]);
  for (const own of ["127.0.0.1:6522", "10.77.1.1:6522"]) {
    const application = await run(applicationCommand("listen", own), path.near);
    assertMatch(application.text(), /^received 0 .* reset$/m);
    await path.client.waitForLog("connection refused", { destination: own });
  }
  assertEquals((await path.client.waitForLogs(2, /refused/)).length, 2, path.client.describe());
});

testWith(NEEDS, "rules that redirect the handler's own channels cause no loop", async () => {
  await using topology = await makeTopology();
  const { near, far, ipv4 } = topology;
  const channels = ipv4.map((host) => ({ host, port: 6522 }));
  await using _server = await startServer(channels, "80=127.0.0.1:8080", far);
  // Runs outside the exempt group, so that its own connections are redirected to it.
  await using client = await startClient(channels, ["--redirect", "0.0.0.0:6522"], near);
  await redirect(near.within, "ipv4", []);
  await assertResetsCurl("http://10.77.1.2/file", near);
  await client.waitForLog("connection refused", { destination: "10.77.1.2:6522" });
});

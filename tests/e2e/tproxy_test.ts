import { assertEquals, assertMatch } from "@std/assert";
import { startClient, startServer } from "../support/handlers/handlers.ts";
import { makeHostBehind } from "../support/system/behind.ts";
import { makeTopology, Namespace } from "../support/system/namespaces.ts";
import { run } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { assertResetsCurl, CURL, testCore } from "./core.ts";
import type { Path } from "./paths.ts";

/** The mark that routes a packet to the gateway's own sockets, and the routing table for it. */
const MARK = 1, TABLE = 100;

/**
 * A client handler on a gateway that catches another host's connections to port 80 of any address:
 *
 * ```text
 *  host                      gateway                                        far
 *  +-------------+           +---------------------------------+            +----------------------+
 *  | application | 10.78.0.2 | mangle PREROUTING --> TPROXY    | channels   | server     target    |
 *  |        h0===|===========|==g0  (mark, route to lo)   |    |============| handler -> :8080     |
 *  |             | fd78::2   |                client handler   | 1 to 3     |                      |
 *  +-------------+           +---------------------------------+            +----------------------+
 * ```
 */
async function openTproxy(
  family: "ipv4" | "ipv6",
  listen: string,
  flags: string[] = [],
): Promise<Path & { gateway: Namespace }> {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology());
  const { near: gateway, far } = topology;
  const host = making.use(await makeHostBehind(gateway));
  await takeOver(gateway);
  const target = family === "ipv4" ? "127.0.0.1:8080" : "[::1]:8080";
  const channels = topology[family].map((host) => ({ host, port: 6522 }));
  const server = making.use(await startServer(channels, `80=${target}`, far));
  const client = making.use(await startClient(channels, ["--tproxy", listen, ...flags], gateway));
  const entry = family === "ipv4" ? "10.77.1.2:80" : "[fd77:1::2]:80";
  const made = making.move();
  const describe = () => `${client.describe()}\n${server.describe()}`;
  const path = { near: host, far, entry, target, server, client, gateway, describe };
  return { ...path, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Diverts the host's connections to port 80 to a transparent socket at port 6522, for both families. */
async function takeOver(gateway: Namespace): Promise<void> {
  const rule = `-i g0 -p tcp --dport 80 -j TPROXY --on-port 6522 --tproxy-mark ${MARK}`.split(" ");
  for (
    const [iptables, family, everything] of [["iptables", "-4", "0.0.0.0/0"], ["ip6tables", "-6", "::/0"]] as const
  ) {
    await run([iptables, "-w", "-t", "mangle", "-A", "PREROUTING", ...rule], gateway);
    await run(["ip", family, ..."rule add fwmark".split(" "), `${MARK}`, "lookup", `${TABLE}`], gateway);
    await run(["ip", family, "route", "add", "local", everything, "dev", "lo", "table", `${TABLE}`], gateway);
  }
  await run(
    ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"],
    gateway,
  );
}

const ADMIN = "127.0.0.1:9652";

const NEEDS = ["network namespaces", "iptables", "ip6tables"];

testCore("through --tproxy", NEEDS, shared(() => openTproxy("ipv4", "0.0.0.0")), 20);

/** Its client handler takes both families, and has an admin interface. */
const ipv6Path = shared(() => openTproxy("ipv6", "[::]", ["--admin", ADMIN]));

testWith(
  [...NEEDS, "curl"],
  "a handler checks TPROXY rules with a probe port, and notices their loss",
  async () => {
    const path = await ipv6Path();
    const { gateway, client } = path, before = client.logged(/session|refused/).length;
    const ask = async () => (await run([...CURL, `http://${ADMIN}/readyz`], gateway)).text();
    assertMatch(await ask(), /"unknown":\{"TPROXY rules":"no TPROXY rule for port 2 of 127\.6\.5\.22 and of \[::1\]/);
    const change = async (action: string, iptables: string, host: string) => {
      const rule = `-i lo -d ${host} -p tcp --dport 2 -j TPROXY --on-port 6522 --tproxy-mark ${MARK}`.split(" ");
      await run([iptables, "-w", "-t", "mangle", action, "PREROUTING", ...rule], gateway);
    };
    await change("-A", "iptables", "127.6.5.22");
    await change("-A", "ip6tables", "::1");
    const metric = async () => (await run([...CURL, `http://${ADMIN}/metrics`], gateway)).text();
    for (let tries = 0; !/^micss_rules_in_place 1$/m.test(await metric()) && tries < 40; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await change("-D", "ip6tables", "::1");
    await client.waitForLog("rules not in place", {
      reason: "IPv6 is no longer redirected here; put the TPROXY rules in place again",
    });
    assertMatch(await metric(), /^micss_rules_in_place 0$/m);
    assertEquals(client.logged(/session|refused/).length, before, client.describe());
  },
);

testWith([...NEEDS, "curl", "nginx"], "one --tproxy at [::] accepts IPv6 and IPv4 connections", async () => {
  const path = await ipv6Path();
  await using nginx = await startNginx([path.target], path.far);
  await Deno.writeTextFile(`${nginx.root}/file`, "through the gateway");
  assertEquals((await run([...CURL, `http://${path.entry}/file`], path.near)).text(), "through the gateway");
  // Caught although no server has it: the handler's name for it proves that the original destination survived.
  await assertResetsCurl("http://198.51.100.7/file", path.near);
  await path.client.waitForLog("connection refused", { destination: "198.51.100.7:80" });
  await assertResetsCurl("http://[2001:db8::7]/file", path.near);
  await path.client.waitForLog("connection refused", { destination: "[2001:db8::7]:80" });
});

testWith([...NEEDS, "setpriv"], "--tproxy without CAP_NET_ADMIN fails to start, and says what it needs", async () => {
  await using gateway = await Namespace.make();
  const without = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--ambient-caps=-all", "--"];
  const channels = ["192.0.2.1", "192.0.2.2"].map((host) => ({ host, port: 6522 }));
  const started = startClient(channels, ["--tproxy", "0.0.0.0"], { within: [...gateway.within, ...without] });
  const message = await started.then(async (client) => {
    await client.stop();
    return "it started";
  }, (error) => String(error));
  assertEquals(/TPROXY needs the capability CAP_NET_ADMIN/.test(message), true, message);
});

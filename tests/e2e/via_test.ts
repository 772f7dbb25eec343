/** `via` of a channel: its connection leaves by that device, or not at all, without any capability. */
import { assertEquals, assertMatch } from "@std/assert";
import { Handler, startServer } from "../support/handlers/handlers.ts";
import { applicationCommand, startTarget } from "../support/programs/peer.ts";
import { makeTempDir, Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { makeTopology } from "../support/system/namespaces.ts";

const ENTRY = "127.0.0.1:8080", TARGET = "127.0.0.1:8000";

/** A client handler that may do nothing but what any user may. */
const UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

async function openWorld(ways: readonly string[]) {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology(2));
  const { near, far, ipv4 } = topology;
  await near.ip("route add default via 10.77.2.2 dev c2");
  const channels = ipv4.map((host) => ({ host, port: 6522 }));
  making.use(await startServer(channels, `80=${TARGET}`, far));
  making.use(await startTarget("hold", TARGET, far));
  const { path } = making.use(await makeTempDir());
  const list = ipv4.map((host, at) => `${host} via ${ways[at]}`);
  await Deno.writeTextFile(
    `${path}/client.yaml`,
    `servers: {web: [${list}]}\nforward: ["${ENTRY}=web:80"]\ntimeouts: {ping: 800ms, silence: 2500ms, rejoin: 0}\n`,
  );
  const options = { within: [...near.within, ...UNPRIVILEGED] };
  const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`], options));
  const made = making.move();
  return { topology, client, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

testWith(
  ["network namespaces", "setpriv"],
  "a channel whose connection left by another device is refused",
  async () => {
    await using world = await openWorld(["c2", "c1"]);
    await run(applicationCommand("answer", ENTRY), { ...world.topology.near, mayFail: true });
    const { reason } = await world.client.waitForLog("session refused");
    assertMatch(
      `${reason}`,
      /^channel \d \(.*\): left from 10\.77\.(1|2)\.1 \(c\1\), not via c[12]; give it a route of its own with micss routes apply$/,
    );
  },
);

testWith(
  ["network namespaces", "setpriv", "iptables"],
  "a channel with a way stays on its device when its link goes down, without routes that keep it",
  async () => {
    await using world = await openWorld(["c1", "10.77.2.1"]);
    const { near, far } = world.topology;
    await far.ip("route add default via 10.77.2.1 dev c2");
    await run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.c2.rp_filter=0"], far);
    await using application = Program.start(applicationCommand("answer", ENTRY), near);
    await application.waitForLine(/^answered/);
    await run(["iptables", "-w", "-A", "OUTPUT", "-o", "c2", "-d", "10.77.1.2"], near);
    await near.ip("link set c1 down");
    // Its PINGs have been sent, and sent again, by then. Attempts to join it again would be new connections, which take
    // routes of their own to stay on a device.
    await world.client.waitForLog("session reset");
    const { text } = await run(["iptables", "-w", "-nvxL", "OUTPUT"], near);
    assertEquals(Number(/^\s*(\d+)/m.exec(text().split("\n")[2]!)![1]), 0);
  },
);

Deno.test("a client warns once, at its start and at a reload, of ways that the machine does not have", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/client.yaml`;
  const write = (way: string) => {
    const servers = `{web: [127.0.0.1:1 via lo, 127.0.0.2:1 via ${way}, 127.0.0.3:1 via ${way}9]}`;
    return Deno.writeTextFile(path, `servers: ${servers}\nforward: ["127.0.0.1:0=web:80"]\n`);
  };
  await write("wlan9");
  await using client = await Handler.start("client", ["--config", path]);
  const [warning, ...others] = client.logged("way missing");
  assertEquals([warning?.level, warning?.via, others], ["warn", "wlan9,wlan99", []]);
  assertMatch(`${warning?.devices}`, /\blo\b/);
  await write("lte");
  client.signal("SIGHUP");
  await client.waitForLog("way missing", { via: "lte,lte9" });
});

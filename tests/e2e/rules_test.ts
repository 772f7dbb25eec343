/** `micss rules` with real tools, for clients. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler, HANDLER_GROUP, micssCommand, startClient, startServer } from "../support/handlers/handlers.ts";
import { makeTopology, Namespace, type Topology } from "../support/system/namespaces.ts";
import { makeTempDir, run, type RunOptions } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { type Nginx, startNginx } from "../support/programs/nginx.ts";
import { assertResetsCurl, CURL } from "./core.ts";
import { asHandler } from "./paths.ts";
import { allRules, clientFlags, FLAVOURS, mustRules, NEEDS, rules } from "./rules.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** curl's exit statuses for a refused connection and for a timeout. */
const CURL_REFUSED = 7, CURL_TIMEOUT = 28;

const GROUP = ["--exempt-gid", `${HANDLER_GROUP}`];

/** Existing rules of another program. */
const OTHERS = {
  nft: "nft 'table ip theirs { chain out { type nat hook output priority -100; policy accept; " +
    "ip daddr 203.0.113.9 tcp dport 99 redirect to :9; }; }'",
  "iptables-nft": "iptables-nft -t nat -A OUTPUT -d 203.0.113.9 -p tcp -j REDIRECT --to-ports 9; " +
    "ip6tables-nft -t nat -N THEIRS; iptables-nft -A INPUT -p udp --dport 9 -j DROP",
  "iptables-legacy": "iptables-legacy -t nat -A OUTPUT -d 203.0.113.9 -p tcp -j REDIRECT --to-ports 9; " +
    "ip6tables-legacy -t nat -N THEIRS; iptables-legacy -A INPUT -p udp --dport 9 -j DROP",
};

/** The far host's nginx servers: one behind the server handler, the other for connections that bypass the client handler. */
interface Nginxes extends AsyncDisposable {
  through: Nginx;
  direct: Nginx;
}

/** Starts both; port 80 of the first and second channels' addresses leads to the second one. */
async function startNginxes({ far, ipv4, ipv6 }: Topology): Promise<Nginxes> {
  await using making = new AsyncDisposableStack();
  const through = making.use(await startNginx(["127.0.0.1:8080"], far));
  const direct = making.use(await startNginx([`${ipv4[0]}:80`, `${ipv4[0]}:81`, `[${ipv6[1]}]:80`], far));
  await Deno.writeTextFile(`${through.root}/file`, "through the channels");
  await Deno.writeTextFile(`${direct.root}/file`, "in the clear");
  const made = making.move();
  return { through, direct, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

function channelsOf({ ipv4, ipv6 }: Topology) {
  return [ipv4[0]!, ipv6[1]!, ipv4[2]!].map((host) => ({ host, port: 6522 }));
}

async function fetched(host: string, where: RunOptions, port = 80): Promise<string> {
  return (await run([...CURL, "--max-time", "10", `http://${host}:${port}/file`], where)).text();
}

/** Reports whether a server handler greets on a channel; curl then waits for more until its timeout. */
async function isGreeted(host: string, where: RunOptions): Promise<boolean> {
  const get = [...CURL, "--http0.9", "--max-time", "1", `http://${host}:6522/`];
  return (await run(get, { ...where, mayFail: true })).text().startsWith("MICSS");
}

/** Asserts that rules catch connections to a host: without a handler they are refused, and don't pass. */
async function assertTaken(host: string, where: RunOptions): Promise<void> {
  const { code } = await run([...CURL, "--max-time", "10", `http://${host}/file`], { ...where, mayFail: true });
  assertEquals(code, CURL_REFUSED);
}

function asUser({ near }: Topology, uid: number): RunOptions {
  return { within: [...near.within, "setpriv", "--reuid", `${uid}`, "--clear-groups", "--"] };
}

for (const flavour of FLAVOURS) {
  for (
    const [what, before] of [["on a machine without rules", ""], ["with other rules", OTHERS[flavour]]] as const
  ) {
    testWith(
      NEEDS,
      `rules are applied, tested, carry connections and are removed without a trace ${what}: ${flavour}`,
      async () => {
        await using topology = await makeTopology();
        const { near, far, ipv4, ipv6 } = topology;
        await run(["sh", "-c", before], near);
        const untouched = await allRules(near);
        const flags = [...clientFlags(topology), ...GROUP];
        // Nothing listens yet, so the probe itself receives the connection on the handler's port.
        const applied = await mustRules(near, "apply", ...flags, "--flavour", flavour);
        assertStringIncludes(applied, `Rules of the client are in place (${flavour}).`);
        assertStringIncludes(applied, `a connection to ${ipv4[0]}:9 arrives`);
        assertStringIncludes(applied, `a connection to [${ipv6[1]}]:9 arrives`);
        const once = await allRules(near);

        await using _nginxes = await startNginxes(topology);
        await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
        await using client = await startClient(
          channelsOf(topology),
          clientFlags(topology).slice(2),
          asHandler(near.within),
        );
        // Again, with a handler running, which doesn't notice; the flavour is detected without being named.
        assertStringIncludes(await mustRules(near, "apply", ...flags), `(${flavour})`);
        assertEquals(await allRules(near), once);
        assertEquals(client.logged(/refused|session/), [], client.describe());

        const names = new Set<unknown>();
        for (const host of [ipv4[0]!, `[${ipv6[1]}]`, ipv4[2]!]) {
          assertEquals(await fetched(host, near), "through the channels");
          names.add(
            (await client.waitForLog("session", { session: new RegExp(`^(?!${[...names].join("|") || "-"})`) }))
              .session,
          );
        }

        assertEquals(await mustRules(near, "remove"), `Rules of the client are removed (${flavour}).\n`);
        assertEquals(await allRules(near), untouched);
        assertEquals(await fetched(ipv4[0]!, near), "in the clear");
        assertEquals(await mustRules(near, "remove"), "");
      },
    );
  }

  testWith(NEEDS, `rules that work only in part stay in place, and applying them fails: ${flavour}`, async () => {
    await using topology = await makeTopology();
    const { near, ipv4, ipv6 } = topology;
    const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
    await using _nginxes = await startNginxes(topology);
    await run(["ip6tables-legacy", "-t", "raw", "-A", "OUTPUT", "-p", "tcp", "-j", "CT", "--notrack"], near);
    const failed = await rules(near, "apply", ...flags);
    assertEquals([failed.code, failed.text()], [1, `Rules of the client are in place (${flavour}).\n`]);
    assertMatch(
      failed.stderr,
      /^micss rules apply: a connection to \[fd77:2::2\]:9 did not arrive; .+; the rules stay in place\n$/,
    );
    // IPv4 works, and stays protected although IPv6 does not: without a handler nothing passes.
    await assertTaken(ipv4[0]!, near);
    assertEquals(await fetched(`[${ipv6[1]}]`, near), "in the clear");
  });

  testWith(NEEDS, `rules are in place before the network is, and tested once it is: ${flavour}`, async () => {
    await using topology = await makeTopology();
    const { near, devices, ipv4, ipv6 } = topology;
    await near.ip(...[...devices, "lo"].map((device) => `link set ${device} down`));
    const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
    const early = await rules(near, "apply", ...flags);
    assertEquals([early.code, early.text()], [0, `Rules of the client are in place (${flavour}).\n`]);
    assertEquals(early.stderr.split("\n").filter((line) => line !== ""), [
      `micss rules apply: note: no route to ${ipv4[0]}:9; the rules for IPv4 were not tested`,
      `micss rules apply: note: no route to [${ipv6[1]}]:9; the rules for IPv6 were not tested`,
    ]);
    await using _nginxes = await startNginxes(topology);
    await near.ip(...["lo", ...devices].map((device) => `link set ${device} up`));
    await near.ip("address add fd77:2::1/64 dev c2 nodad");
    for (const host of [ipv4[0]!, `[${ipv6[1]}]`]) await assertTaken(host, near);
    const before = await allRules(near);
    const late = await rules(near, "apply", ...flags);
    assertEquals([late.code, late.stderr], [0, ""]);
    assertStringIncludes(late.text(), `a connection to ${ipv4[0]}:9 arrives`);
    assertStringIncludes(late.text(), `a connection to [${ipv6[1]}]:9 arrives`);
    assertEquals(await allRules(near), before);
  });

  testWith(NEEDS, `every connection to port 80 of any host is caught, and no other: ${flavour}`, async () => {
    await using topology = await makeTopology();
    const { near, far, ipv4 } = topology;
    await far.ip("address add 10.77.1.9/24 dev c1");
    await using _nginxes = await startNginxes(topology);
    await using _elsewhere = await startNginx(["10.77.1.9:80"], far);
    await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
    await using client = await startClient(
      channelsOf(topology),
      clientFlags(topology).slice(2),
      asHandler(near.within),
    );
    await mustRules(near, "apply", ...clientFlags(topology), ...GROUP, "--flavour", flavour, "--take", "*:80");
    assertEquals(await fetched(ipv4[0]!, near), "through the channels");
    assertEquals(await fetched(ipv4[0]!, near, 81), "in the clear");
    await assertResetsCurl("http://10.77.1.9/file", near);
    await client.waitForLog("connection refused", { destination: "10.77.1.9:80" });
  });

  testWith(NEEDS, `one user's connections are caught, and no others: ${flavour}`, async () => {
    await using topology = await makeTopology();
    const { near, far, ipv4, ipv6 } = topology;
    await using _nginxes = await startNginxes(topology);
    await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
    await using _client = await startClient(
      channelsOf(topology),
      clientFlags(topology).slice(2),
      asHandler(near.within),
    );
    await mustRules(near, "apply", ...clientFlags(topology), ...GROUP, "--flavour", flavour, "--take-user", "4242");
    for (const host of [ipv4[0]!, `[${ipv6[1]}]`]) {
      assertEquals(await fetched(host, asUser(topology, 4242)), "through the channels");
      assertEquals(await fetched(host, asUser(topology, 4243)), "in the clear");
      assertEquals(await fetched(host, near), "in the clear");
    }
  });

  testWith(NEEDS, `an exempt user's connections pass, even root's: ${flavour}`, async () => {
    await using topology = await makeTopology();
    const { near, far, ipv4 } = topology;
    await using _nginxes = await startNginxes(topology);
    await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
    await using _client = await startClient(channelsOf(topology), clientFlags(topology).slice(2), near);
    const exempt = ["--exempt-uid", "0", "--exempt-uid", "4242"];
    const { stderr } = await rules(near, "apply", ...clientFlags(topology), ...exempt, "--flavour", flavour);
    assertStringIncludes(stderr, "note: root is exempt");
    assertEquals(await fetched(ipv4[0]!, near), "in the clear");
    assertEquals(await fetched(ipv4[0]!, asUser(topology, 4242)), "in the clear");
    assertEquals(await fetched(ipv4[0]!, asUser(topology, 4243)), "through the channels");
  });
}

testWith(NEEDS, "another program's nat chain that is registered later catches no connection", async () => {
  await using topology = await makeTopology();
  const { near, ipv4, ipv6 } = topology;
  await using _nginxes = await startNginxes(topology);
  await mustRules(near, "apply", ...clientFlags(topology), ...GROUP, "--flavour", "nft");
  const chain = "chain out { type nat hook output priority -100; policy accept; tcp dport 80 dnat to";
  await run(["nft", "table ip theirs4", `{ ${chain} ${ipv4[0]}:81; }; }`], near);
  await run(["nft", "table ip6 theirs6", `{ ${chain} [${ipv6[1]}]:80; }; }`], near);
  for (const host of [ipv4[0]!, `[${ipv6[1]}]`]) await assertTaken(host, near);
});

for (const flavour of ["iptables-nft", "iptables-legacy"] as const) {
  testWith(NEEDS, `rules that precede ours follow them once ours are applied again: ${flavour}`, async () => {
    await using topology = await makeTopology();
    const { near, ipv4 } = topology;
    await using _nginxes = await startNginxes(topology);
    const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
    await mustRules(near, "apply", ...flags);
    await run([flavour, "-t", "nat", "-I", "OUTPUT", "-d", ipv4[0]!, "-j", "ACCEPT"], near);
    assertEquals(await fetched(ipv4[0]!, near), "in the clear");
    await mustRules(near, "apply", ...flags);
    await assertTaken(ipv4[0]!, near);
  });
}

testWith(NEEDS, "micss rules print prints the rules that apply applies", async () => {
  await using topology = await makeTopology();
  const { near } = topology;
  for (const flavour of FLAVOURS) {
    const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
    const printed = await mustRules(near, "print", ...flags);
    await run(["sh"], { ...near, input: printed });
    const byHand = await allRules(near);
    await mustRules(near, "remove");
    await mustRules(near, "apply", ...flags);
    assertEquals(await allRules(near), byHand);
    await mustRules(near, "remove");
  }
});

testWith(NEEDS, "rules are in place by one flavour at a time", async () => {
  await using topology = await makeTopology();
  const { near } = topology;
  await mustRules(near, "apply", ...clientFlags(topology), "--flavour", "iptables-legacy");
  const { code, stderr } = await rules(near, "apply", ...clientFlags(topology), "--flavour", "nft");
  assertEquals(code, 1);
  assertEquals(
    stderr,
    "micss rules apply: rules are already in place with iptables-legacy; run micss rules remove --flavour iptables-legacy first\n",
  );
});

testWith(NEEDS, "without the right to change rules there is one error line, and printing still works", async () => {
  await using topology = await makeTopology();
  const powerless = { within: [...topology.near.within, "setpriv", "--bounding-set=-net_admin", "--"] };
  for (const args of [["apply", ...clientFlags(topology)], ["remove"]]) {
    const { code, stderr } = await rules(powerless, ...args);
    assertEquals(code, 1);
    assertMatch(stderr, /^micss rules \w+: not permitted to change this machine's rules; run it as root, .+\n$/);
  }
  const printed = await mustRules(powerless, "print", ...clientFlags(topology));
  assertStringIncludes(
    printed,
    "# Note: this assumes a machine without such rules; run as root to take existing ones into account\n",
  );
  assertStringIncludes(printed, "redirect to :6522");
});

testWith(NEEDS, "a gateway's rules catch other hosts' connections through it", async () => {
  await using topology = await makeTopology();
  const { near: gateway, far, ipv4 } = topology;
  await using host = await Namespace.make();
  const link = `link add h0 index 50 netns ${host.pid} type veth peer name g0 index 51 netns ${gateway.pid}`;
  await run(["ip", "-batch", "-"], { input: `${link}\n` });
  await gateway.ip("address add 10.78.0.1/24 dev g0", "link set g0 up");
  await host.ip("address add 10.78.0.2/24 dev h0", "link set h0 up", "route add default via 10.78.0.1");
  await run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], gateway);
  await using _nginxes = await startNginxes(topology);
  await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
  await using _client = await startClient(
    channelsOf(topology),
    clientFlags(topology).slice(2),
    asHandler(gateway.within),
  );
  for (const flavour of FLAVOURS) {
    const untouched = await allRules(gateway);
    await mustRules(gateway, "apply", ...clientFlags(topology), ...GROUP, "--take-from", "g0", "--flavour", flavour);
    assertEquals(await fetched(ipv4[0]!, host), "through the channels");
    await mustRules(gateway, "remove");
    assertEquals(await allRules(gateway), untouched);
  }
});

testWith(NEEDS, "a handler that rules don't exempt refuses its own connections, cheaply", async () => {
  await using topology = await makeTopology();
  const { near, far } = topology;
  await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
  await using client = await startClient(channelsOf(topology), clientFlags(topology).slice(2), near);
  for (const iptables of ["iptables", "ip6tables"]) {
    await run([`${iptables}-nft`, ..."-t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 6522".split(" ")], near);
  }
  const before = await client.files();
  let most = 0;
  for (let i = 0; i < 10; i++) {
    await assertResetsCurl("http://10.77.1.2/file", near);
    most = Math.max(most, await client.files());
  }
  assert(most <= before + 16, `${before} files were open, then ${most}`);
  const lines = await client.waitForLogs(1, "connection refused");
  assert(lines.length >= 1 && lines.length <= 3, client.describe());
  for (const { reason } of lines) assertStringIncludes(String(reason), "micss rules apply --exempt-uid USER");
});

for (const family of ["ipv4", "ipv6"] as const) {
  testWith(
    NEEDS,
    `one address and a key suffice: rules catch its connections, and the server announces the other channels (${family})`,
    async () => {
      await using topology = await makeTopology();
      const { near, far } = topology;
      const hosts = topology[family].map((host) => family === "ipv4" ? host : `[${host}]`);
      await using directory = await makeTempDir();
      const key = `${directory.path}/shared.key`;
      await run([...await micssCommand(), "keygen", "hmac", "--out", key], { cwd: ROOT });
      await using nginx = await startNginx(["127.0.0.1:8080"], far);
      await Deno.writeTextFile(`${nginx.root}/file`, "through the channels");
      const channels = hosts.flatMap((host) => ["--channel", host]);
      const flags = ["--identify", `${hosts[0]}=${key}`, "--redirect", "[::]:6522"];
      const database = ["--database", `${directory.path}/channels.db`];
      await using _server = await Handler.start(
        "server",
        [...channels, "--target", "80=127.0.0.1:8080", "--key", key],
        far,
      );
      await using client = await Handler.start("client", [...flags, ...database], asHandler(near.within));
      await mustRules(near, "apply", ...flags, ...GROUP);
      for (let i = 0; i < 2; i++) assertEquals(await fetched(hosts[0]!, near), "through the channels");
      assertEquals((await client.waitForLogs(1, "association"))[0]?.channels, 3, client.describe());
    },
  );
}

testWith(
  NEEDS,
  "a server's rules accept channels at their addresses up to their rate, and drop the rest",
  async () => {
    await using topology = await makeTopology();
    const { near, far, ipv4, ipv6 } = topology;
    const flags = channelsOf(topology).flatMap((channel) => ["--channel", formatAddress(channel)]);
    const server = [...flags, "--target", "80=127.0.0.1:8080"];
    await using _nginxes = await startNginxes(topology);
    await using _server = await startServer(channelsOf(topology), "80=127.0.0.1:8080", far);
    await using _client = await startClient(channelsOf(topology), ["--forward", "127.0.0.1:8000=web:80"], near);
    await using _other = await startNginx([`${ipv4[1]}:6522`, `[${ipv6[0]}]:6522`], far);
    const others = [ipv4[1]!, `[${ipv6[0]}]`];
    const reaches = async (host: string) => {
      const { code } = await run([...CURL, "--http0.9", "--max-time", "1", `http://${host}:6522/`], {
        ...near,
        mayFail: true,
      });
      return code !== CURL_TIMEOUT;
    };
    for (const flavour of FLAVOURS) {
      const untouched = await allRules(far);
      assertEquals(await Promise.all(others.map(reaches)), [true, true], "without rules");
      await mustRules(far, "apply", "server", ...server, "--flavour", flavour);
      assertEquals(await fetched("127.0.0.1", near, 8000), "through the channels");
      assertEquals(await Promise.all(others.map(reaches)), [false, false], flavour);
      await mustRules(far, "apply", "server", ...server, "--flavour", flavour, "--rate", "1");
      const answers = await Promise.all(Array.from({ length: 4 }, () => isGreeted(ipv4[2]!, near)));
      assert(answers.includes(true) && answers.includes(false), `${flavour}: ${answers}`);
      await mustRules(far, "remove", "server");
      assertEquals(await allRules(far), untouched);
    }
  },
);

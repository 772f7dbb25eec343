/** `micss rules` with real tools, for clients. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler, HANDLER_GROUP, micssCommand, startClient, startServer } from "../support/handlers/handlers.ts";
import { makeHostBehind } from "../support/system/behind.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { makeTempDir, run, type RunOptions } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";
import { type Nginx, startNginx } from "../support/programs/nginx.ts";
import { assertResetsCurl, CURL } from "./core.ts";
import { asHandler } from "./paths.ts";
import { allRules, clear, clearing, clientFlags, FLAVOURS, mustRules, NEEDS, rules } from "./rules.ts";

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

/** Hosts and nginx servers without handlers, for tests that leave them without rules. */
const bare = shared(async () => {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology());
  making.use(await startNginxes(topology));
  const made = making.move();
  return { ...topology, topology, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

/** Addresses of the far host that are no server's, one for each flavour's test. */
const ELSEWHERE = FLAVOURS.map((_, index) => `10.77.1.${index + 9}`);

/** Both handlers with all that they need, and a host behind the client's, for tests that leave them without rules. */
const handled = shared(async () => {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology());
  const { near, far } = topology;
  await far.ip(...ELSEWHERE.map((host) => `address add ${host}/24 dev c1`));
  const behind = making.use(await makeHostBehind(near));
  await run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], near);
  making.use(await startNginxes(topology));
  making.use(await startNginx(ELSEWHERE.map((host) => `${host}:80`), far));
  making.use(await startServer(channelsOf(topology), "80=127.0.0.1:8080", far));
  const entries = [...clientFlags(topology).slice(2), "--forward", "127.0.0.1:8000=web:80"];
  const client = making.use(await startClient(channelsOf(topology), entries, asHandler(near.within)));
  const sessions = new Set<unknown>();
  /** Fetches the file, and waits until the client handler has logged its session. */
  const fetch = async (host: string, where: RunOptions, port?: number) => {
    assertEquals(await fetched(host, where, port), "through the channels");
    const other = new RegExp(`^(?!(${[...sessions].join("|") || "-"})$)`);
    const { session } = await client.waitForLog("session", { session: other });
    sessions.add(session);
    await client.waitForLog("session ended", { session: `${session}` });
  };
  const made = making.move();
  return { ...topology, topology, behind, client, fetch, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

async function fetched(host: string, where: RunOptions, port = 80): Promise<string> {
  return (await run([...CURL, "--max-time", "10", `http://${host}:${port}/file`], where)).text();
}

/** Reports whether a server handler greets on a channel within some seconds. */
async function isGreeted(host: string, where: RunOptions, seconds: number): Promise<boolean> {
  const read = ["timeout", `${seconds}`, "bash", "-c", `head -c 5 </dev/tcp/${host}/6522`];
  return (await run(read, { ...where, mayFail: true })).text() === "MICSS";
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
  testWith(
    NEEDS,
    `rules are printed, applied before the network is there, tested once it is, and removed without a trace: ${flavour}`,
    async () => {
      const { topology, near, devices, ipv4, ipv6 } = await bare();
      await using _ = clearing(near);
      const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
      const untouched = await allRules(near);
      await run(["sh"], { ...near, input: await mustRules(near, "print", ...flags) });
      const byHand = await allRules(near);
      await clear(near);
      await near.ip(...[...devices, "lo"].map((device) => `link set ${device} down`));
      const early = await rules(near, "apply", ...flags);
      assertEquals([early.code, early.text()], [0, `Rules of the client are in place (${flavour}).\n`]);
      assertEquals(early.stderr.split("\n").filter((line) => line !== ""), [
        `micss rules apply: note: no route to ${ipv4[0]}:9; the rules for IPv4 were not tested`,
        `micss rules apply: note: no route to [${ipv6[1]}]:9; the rules for IPv6 were not tested`,
      ]);
      await near.ip(...["lo", ...devices].map((device) => `link set ${device} up`));
      await near.ip(...devices.map((device, at) => `address add fd77:${at + 1}::1/64 dev ${device} nodad`));
      for (const host of [ipv4[0]!, `[${ipv6[1]}]`]) await assertTaken(host, near);
      assertEquals(await allRules(near), byHand);
      // Nothing listens, so the probe itself receives the connection on the handler's port.
      const late = await rules(near, "apply", ...flags);
      assertEquals([late.code, late.stderr], [0, ""]);
      assertStringIncludes(late.text(), `Rules of the client are in place (${flavour}).`);
      assertStringIncludes(late.text(), `a connection to ${ipv4[0]}:9 arrives`);
      assertStringIncludes(late.text(), `a connection to [${ipv6[1]}]:9 arrives`);
      assertEquals(await allRules(near), byHand);
      assertEquals(await mustRules(near, "remove"), `Rules of the client are removed (${flavour}).\n`);
      assertEquals(await allRules(near), untouched);
    },
  );

  testWith(
    NEEDS,
    `rules catch connections to port 80 of any host, other hosts' too, but not an exempt user's, and no others; ` +
      `they leave other rules as they are: ${flavour}`,
    async () => {
      const { topology, near, behind, client, fetch, ipv4, ipv6 } = await handled();
      await using _ = clearing(near);
      await run(["sh", "-c", OTHERS[flavour]], near);
      const untouched = await allRules(near);
      const exempt = [...GROUP, "--exempt-uid", "4242"];
      const flags = [...clientFlags(topology), ...exempt, "--take", "*:80", "--take-from", "g0"];
      await mustRules(near, "apply", ...flags, "--flavour", flavour);
      const once = await allRules(near);
      if (flavour !== "nft") {
        // Another program's rule that comes first follows ours once these are applied again.
        await run([flavour, "-t", "nat", "-I", "OUTPUT", "-d", ipv4[0]!, "-j", "ACCEPT"], near);
        assertEquals(await fetched(ipv4[0]!, near), "in the clear");
      }
      // Again, with a handler running, which doesn't notice; the flavour is detected without being named.
      const logged = client.logged(/refused|session/);
      assertStringIncludes(await mustRules(near, "apply", ...flags), `(${flavour})`);
      assertEquals(client.logged(/refused|session/), logged, client.describe());
      for (const host of [ipv4[0]!, `[${ipv6[1]}]`, ipv4[2]!]) await fetch(host, near);
      await fetch(ipv4[0]!, behind);
      assertEquals(await fetched(ipv4[0]!, asUser(topology, 4242)), "in the clear");
      assertEquals(await fetched(ipv4[0]!, near, 81), "in the clear");
      const elsewhere = ELSEWHERE[FLAVOURS.indexOf(flavour)];
      await assertResetsCurl(`http://${elsewhere}/file`, near);
      await client.waitForLog("connection refused", { destination: `${elsewhere}:80` });
      if (flavour !== "nft") await run([flavour, "-t", "nat", "-D", "OUTPUT", "-d", ipv4[0]!, "-j", "ACCEPT"], near);
      assertEquals(await allRules(near), once);
      assertEquals(await mustRules(near, "remove"), `Rules of the client are removed (${flavour}).\n`);
      assertEquals(await allRules(near), untouched);
      assertEquals(await fetched(ipv4[0]!, near), "in the clear");
    },
  );

  testWith(NEEDS, `rules that work only in part stay in place, and applying them fails: ${flavour}`, async () => {
    const { topology, near, ipv4, ipv6 } = await bare();
    await using _ = clearing(near);
    const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
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

  testWith(NEEDS, `one user's connections are caught, and no others: ${flavour}`, async () => {
    const { topology, near, fetch, ipv4, ipv6 } = await handled();
    await using _ = clearing(near);
    await mustRules(near, "apply", ...clientFlags(topology), ...GROUP, "--flavour", flavour, "--take-user", "4242");
    for (const host of [ipv4[0]!, `[${ipv6[1]}]`]) {
      await fetch(host, asUser(topology, 4242));
      assertEquals(await fetched(host, asUser(topology, 4243)), "in the clear");
      assertEquals(await fetched(host, near), "in the clear");
    }
  });
}

testWith(NEEDS, "even root's connections pass if root is exempt, and rules are tested as another user", async () => {
  const { topology, near, fetch, ipv4 } = await handled();
  await using _ = clearing(near);
  const { stdout, stderr } = await rules(near, "apply", ...clientFlags(topology), "--exempt-uid", "0");
  assertStringIncludes(stderr, "note: root is exempt");
  assertStringIncludes(new TextDecoder().decode(stdout), `a connection to ${ipv4[0]}:9 arrives`);
  assertEquals(await fetched(ipv4[0]!, near), "in the clear");
  await fetch(ipv4[0]!, asUser(topology, 4243));
});

testWith(NEEDS, "another program's nat chain that is registered later catches no connection", async () => {
  const { topology, near, ipv4, ipv6 } = await bare();
  await using _ = clearing(near);
  await mustRules(near, "apply", ...clientFlags(topology), ...GROUP, "--flavour", "nft");
  const chain = "chain out { type nat hook output priority -100; policy accept; tcp dport 80 dnat to";
  await run(["nft", "table ip theirs4", `{ ${chain} ${ipv4[0]}:81; }; }`], near);
  await run(["nft", "table ip6 theirs6", `{ ${chain} [${ipv6[1]}]:80; }; }`], near);
  for (const host of [ipv4[0]!, `[${ipv6[1]}]`]) await assertTaken(host, near);
});

testWith(NEEDS, "rules are in place by one flavour at a time, or by none, of which nothing is removed", async () => {
  const { topology, near } = await bare();
  await using _ = clearing(near);
  assertEquals(await mustRules(near, "remove"), "");
  await mustRules(near, "apply", ...clientFlags(topology), "--flavour", "iptables-legacy");
  const { code, stderr } = await rules(near, "apply", ...clientFlags(topology), "--flavour", "nft");
  assertEquals(code, 1);
  assertEquals(
    stderr,
    "micss rules apply: rules are already in place with iptables-legacy; run micss rules remove --flavour iptables-legacy first\n",
  );
});

testWith(NEEDS, "without the right to change rules there is one error line, and printing still works", async () => {
  const { topology, near } = await bare();
  const powerless = { within: [...near.within, "setpriv", "--bounding-set=-net_admin", "--"] };
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

testWith(NEEDS, "a handler that rules don't exempt refuses its own connections, cheaply", async () => {
  const { topology, near, far } = await bare();
  await using _ = clearing(near);
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
  await client.waitForLog("connection refused", { destination: "10.77.1.2:6522" });
  for (const { reason } of lines) assertStringIncludes(String(reason), "micss rules apply --exempt-uid USER");
});

testWith(
  NEEDS,
  "one address and a key suffice: rules catch its connections, and the server announces the other channels",
  async () => {
    const { topology, near, far } = await bare();
    await using _ = clearing(near);
    await using directory = await makeTempDir();
    const key = `${directory.path}/shared.key`;
    await run([...await micssCommand(), "keygen", "hmac", "--out", key], { cwd: ROOT });
    await using servers = new AsyncDisposableStack();
    const firsts = [topology.ipv4, topology.ipv6.map((host) => `[${host}]`)].map(async (hosts) => {
      const channels = hosts.flatMap((host) => ["--channel", host]);
      servers.use(await Handler.start("server", [...channels, "--target", "80=127.0.0.1:8080", "--key", key], far));
      return hosts[0]!;
    });
    const hosts = await Promise.all(firsts);
    const flags = [...hosts.flatMap((host) => ["--identify", `${host}=${key}`]), "--redirect", "[::]:6522"];
    const database = ["--database", `${directory.path}/channels.db`];
    await using client = await Handler.start("client", [...flags, ...database], asHandler(near.within));
    await mustRules(near, "apply", ...flags, ...GROUP);
    for (const host of hosts) {
      for (let i = 0; i < 2; i++) assertEquals(await fetched(host, near), "through the channels");
    }
    const associations = await client.waitForLogs(2, "association");
    assertEquals(new Set(associations.map(({ server }) => server)).size, 2, client.describe());
    assert(associations.every(({ channels }) => channels === 3), client.describe());
  },
);

testWith(
  [...NEEDS, "bash"],
  "a server's rules accept channels at their addresses up to their rate, and drop the rest",
  async () => {
    const { topology, near, far, fetch, ipv4, ipv6 } = await handled();
    await using _ = clearing(far);
    const flags = channelsOf(topology).flatMap((channel) => ["--channel", formatAddress(channel)]);
    const server = [...flags, "--target", "80=127.0.0.1:8080"];
    await using _other = await startNginx([`${ipv4[1]}:6522`, `[${ipv6[0]}]:6522`], far);
    const others = [ipv4[1]!, `[${ipv6[0]}]`];
    const reaches = async (host: string, seconds: number) => {
      const { code } = await run([...CURL, "--http0.9", "--max-time", `${seconds}`, `http://${host}:6522/`], {
        ...near,
        mayFail: true,
      });
      return code !== CURL_TIMEOUT;
    };
    for (const flavour of FLAVOURS) {
      const untouched = await allRules(far);
      // Much time for what comes at once, and a second for what does not.
      assertEquals(await Promise.all(others.map((host) => reaches(host, 30))), [true, true], "without rules");
      await mustRules(far, "apply", "server", ...server, "--flavour", flavour);
      await fetch("127.0.0.1", near, 8000);
      const [reached, greeted] = await Promise.all([
        Promise.all(others.map((host) => reaches(host, 1))),
        Promise.all([ipv4[0]!, ipv6[1]!, ipv4[2]!].map((host) => isGreeted(host, near, 30))),
      ]);
      assertEquals({ reached, greeted }, { reached: [false, false], greeted: [true, true, true] }, flavour);
      await mustRules(far, "apply", "server", ...server, "--flavour", flavour, "--rate", "1");
      // A busy machine may need the whole second, after which the kernel asks again, and is let in.
      const answers: boolean[] = [];
      for (let tries = 0; tries < 5 && new Set(answers).size < 2; tries++) {
        answers.push(...await Promise.all(Array.from({ length: 4 }, () => isGreeted(ipv4[2]!, near, 1))));
      }
      assert(answers.includes(true) && answers.includes(false), `${flavour}: ${answers}`);
      await mustRules(far, "remove", "server");
      assertEquals(await allRules(far), untouched);
    }
  },
);

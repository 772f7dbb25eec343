/** Applications that use UDP, unmodified, through both handlers, by real rules. */
import { assertEquals, assertMatch } from "@std/assert";
import { Handler, HANDLER_GROUP, startClient, startServer } from "../support/handlers/handlers.ts";
import { makeHostBehind } from "../support/system/behind.ts";
import { makeTopology, type Namespace } from "../support/system/namespaces.ts";
import { digText, startDns, UNANSWERED } from "../support/programs/dns.ts";
import { makeTempDir, run, type RunOptions } from "../support/programs/process.ts";
import { shared, testTogether } from "../support/programs/programs.ts";
import { CURL } from "./core.ts";
import { asHandler } from "./paths.ts";
import { allRoutes, allRules, clearing, FLAVOURS, mustRules, NEEDS } from "./rules.ts";

const UDP_NEEDS = [...NEEDS, "dig", "dnsmasq"];

const NAME = "name.example";

/** Addresses of the server handler, to which applications send. */
const IPV4 = "192.0.2.53", IPV6 = "2001:db8::53";

const CHANNELS = [IPV4, IPV6, "10.77.3.2"].map((host) => ({ host, port: 6522 }));

const SERVER = ["--server", `web=${IPV4},[${IPV6}],10.77.3.2`];

const RULES = [...SERVER, "--udp-tproxy", "[::]:6522", "--take-udp", "servers:53", "--exempt-gid", `${HANDLER_GROUP}`];

const CLEAR = "in the clear", THROUGH = "through the channels";

interface Pair extends AsyncDisposable {
  readonly near: Namespace;
  readonly client: Handler;
}

/**
 * Hosts, the server handler, and a DNS server on either side of it, for tests one after another:
 *
 * ```text
 *  near                                      far
 *  +--------------------------+              +---------------------------------------------+
 *  | dig                      |              |  DNS at 192.0.2.53 and [2001:db8::53]       |
 *  |  | mark, route to lo     |   channels   |  ("in the clear")                           |
 *  |  v TPROXY                |==============|                                             |
 *  | client handler           |              |  server handler -> DNS at 127.0.0.1:5353    |
 *  +--------------------------+              +---------------------------------------------+
 * ```
 */
async function openServed() {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology()), { near, far } = topology;
  await far.ip(`address add ${IPV4}/32 dev c1`, `address add ${IPV6}/128 dev c2 nodad`);
  await near.ip(`route add ${IPV4} via 10.77.1.2`);
  await run(["ip", "-6", "route", "add", IPV6, "via", "fd77:2::2"], near);
  making.use(await startDns(new Map([[NAME, CLEAR]]), far, { hosts: [IPV4, IPV6], port: 53 }));
  making.use(await startDns(new Map([[NAME, THROUGH]]), far, { hosts: ["127.0.0.1"], port: 5353 }));
  making.use(
    await startServer(CHANNELS, "80=127.0.0.1:8080", {
      within: far.within,
      flags: ["--udp-target", "53=127.0.0.1:5353"],
    }),
  );
  const made = making.move();
  return { ...topology, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

const served = shared(openServed);

/**
 * Starts the client handler. At its end all rules of its host are removed.
 *
 * @param settings Its settings, besides its server and its listener.
 * @param limit A command that limits what its process may do.
 * @param world Its hosts. Default: those that tests share.
 */
async function startPair(settings: string, limit: readonly string[] = [], world = served()): Promise<Pair> {
  await using making = new AsyncDisposableStack();
  const { near } = await world;
  making.use(clearing(near));
  const { path } = making.use(await makeTempDir());
  const file = `${path}/client.yaml`,
    channels = CHANNELS.map(({ host }) => JSON.stringify(`[${host}]`.replace(/^\[([\d.]+)\]$/, "$1")));
  await Deno.writeTextFile(
    file,
    `servers: {web: [${channels.join()}]}\nudp-tproxy: ["[::]:6522"]\ndatabase: ${path}/channels.db\n${settings}`,
  );
  const client = making.use(await Handler.start("client", ["--config", file], asHandler([...near.within, ...limit])));
  const made = making.move();
  return { near, client, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

async function asked(where: RunOptions, flags: readonly string[] = []): Promise<string[]> {
  return await Promise.all([IPV4, IPV6].map((host) => digText(NAME, host, where, flags)));
}

/** The addresses of UDP sockets in a namespace. */
async function sockets(where: RunOptions): Promise<string[]> {
  const lines = (await run(["ss", "-Huan"], where)).text().split("\n").filter((line) => line !== "");
  return lines.map((line) => line.split(/\s+/)[3]!);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`not within 30 s: ${what}`);
}

async function assertCarried({ near, client }: Pair, host: Namespace, flavour: typeof FLAVOURS[number]): Promise<void> {
  const all = async () => `${await allRules(near)}\n${await allRoutes(near)}`;
  assertEquals(await asked(near), [CLEAR, CLEAR]);
  const untouched = await all();
  await mustRules(near, "apply", ...RULES, "--take-from", "g0", "--flavour", flavour);
  // dig takes no answer from another address than it asked.
  assertEquals(await asked(near), [THROUGH, THROUGH], client.describe());
  assertEquals(await asked(host), [THROUGH, THROUGH], client.describe());
  // That is the same whatever made the rules.
  const isFirst = flavour === FLAVOURS[0];
  const many = await Promise.all(Array.from({ length: isFirst ? 10 : 1 }, () => asked(near)));
  assertEquals(new Set(many.flat()), new Set([THROUGH]));
  const answering = (await sockets(near)).filter((address) => address.endsWith("53:53") || address.endsWith("53]:53"));
  assertEquals(answering.toSorted(), [`${IPV4}:53`, `[${IPV6}]:53`].toSorted());
  if (isFirst) {
    await until(
      "no sockets of answers are left",
      async () => (await sockets(near)).every((address) => !address.endsWith(":53")),
    );
    assertEquals(await asked(near), [THROUGH, THROUGH]);
  }
  assertEquals(await mustRules(near, "remove"), `Rules of the client are removed (${flavour}).\n`);
  assertEquals(await all(), untouched);
  assertEquals(await asked(near), [CLEAR, CLEAR]);
  assertEquals(client.logged(/refused/), [], client.describe());
}

async function assertAllCarried(): Promise<void> {
  await using pair = await startPair("timeouts: {flow: 36s}\n");
  await using host = await makeHostBehind(pair.near);
  assertEquals(await asked(host, UNANSWERED), ["", ""]);
  for (const flavour of FLAVOURS) await assertCarried(pair, host, flavour);
}

async function assertLoss(): Promise<void> {
  const admin = "127.0.0.1:9652", group = `exempt-gid: ["${HANDLER_GROUP}"]`;
  await using world = await openServed();
  const settings = `admin: ${admin}\nrules: {take-udp: ["servers:53"], ${group}}\n`;
  await using pair = await startPair(settings, [], Promise.resolve(world));
  const { near, client } = pair;
  const ask = async () =>
    JSON.parse(
      (await run([...CURL.filter((word) => word !== "--fail"), `http://${admin}/readyz`], { ...near, mayFail: true }))
        .text(),
    );
  await client.waitForLog("rules not in place", { reason: "no datagram is taken here; run micss rules apply" });
  await mustRules(near, "apply", ...RULES, "--flavour", "nft");
  await client.waitForLog("rules in place again");
  assertEquals((await ask()).ready, true);
  // Without the route, the sentinels of loopback still arrive, but what an application sends does not.
  await run(["ip", "rule", "del", "fwmark", "6522"], near);
  const lost = await client.waitForLog("rules not in place", { reason: /though rules are in place/ });
  assertMatch(`${lost.reason}`, /^a datagram to 192\.0\.2\.53:53 is not taken here/);
  await mustRules(near, "apply", ...RULES, "--flavour", "nft");
  await until("the handler is ready", async () => (await ask()).ready);
  await run(["nft", "delete", "table", "inet", "micss"], near);
  await client.waitForLog("rules not in place", { reason: /^datagrams over IPv4 are no longer taken here/ });
  assertEquals(client.logged(/refused|session/), [], client.describe());
}

async function assertWorkers(): Promise<void> {
  await using pair = await startPair("workers: 2\n");
  const { near } = pair;
  await mustRules(near, "apply", ...RULES);
  const many = await Promise.all(Array.from({ length: 10 }, () => asked(near)));
  assertEquals(new Set(many.flat()), new Set([THROUGH]), pair.client.describe());
}

/** Limits a process to some capabilities. */
function only(...capabilities: string[]): string[] {
  const bounding = ["-all", ...capabilities.map((one) => `+${one}`)].join();
  return ["setpriv", "--inh-caps=-all", `--bounding-set=${bounding}`, "--"];
}

async function assertCapabilitiesNamed(): Promise<void> {
  const { near } = await served();
  const started = startClient(CHANNELS, ["--udp-tproxy", "[::]:6522"], {
    within: [...near.within, ...only()],
  });
  const message = await started.then(async (client) => {
    await client.stop();
    return "it started";
  }, String);
  assertMatch(message, /TPROXY for UDP needs the capability CAP_NET_ADMIN/);
  {
    await using pair = await startPair("", only("net_admin", "setgid"));
    await mustRules(pair.near, "apply", ...RULES, "--flavour", "nft");
    assertEquals(await digText(NAME, IPV4, pair.near, UNANSWERED), "");
    const { reason } = await pair.client.waitForLog("datagrams refused", { destination: `${IPV4}:53` });
    assertMatch(`${reason}`, /ports below 1024 need the capability CAP_NET_BIND_SERVICE$/);
  }
}

async function assertOwnRefused(): Promise<void> {
  await using pair = await startPair("", only("net_admin", "net_bind_service", "setgid"));
  const { near, client } = pair;
  await mustRules(near, "apply", ...RULES, "--flavour", "nft");
  assertEquals(await asked(near), [THROUGH, THROUGH]);
  // A rule of another program marks those of the channels, too, whoever sends them.
  const chain = "chain out { type route hook output priority -148; udp dport 6522 meta mark set 6522; }";
  await run(["nft", `table inet theirs { ${chain}; }`], near);
  assertEquals(await asked(near, UNANSWERED), ["", ""]);
  const { reason } = await client.waitForLog("flow refused", { destination: `${IPV4}:6522` });
  assertMatch(`${reason}`, /^it is a channel: exempt this handler's connections/);
  await run(["nft", "delete", "table", "inet", "theirs"], near);
  await until("datagrams are carried again", async () => (await asked(near)).join() === `${THROUGH},${THROUGH}`);
}

let last: Promise<void> = Promise.resolve();

/** Makes cases of {@linkcode testTogether} that share hosts run one after another. */
function inTurn(run: () => Promise<void>): () => Promise<void> {
  return () => last = last.then(run, run);
}

testTogether(
  [...UDP_NEEDS, "setpriv"],
  "rules for UDP lead applications' datagrams to a handler, which notices their loss",
  {
    "applications' datagrams go through the channels, other hosts' too, and answers come from their destination":
      inTurn(assertAllCarried),
    "several workers take datagrams, and answer from one address": inTurn(assertWorkers),
    "--udp-tproxy needs two capabilities, and names those that it lacks": inTurn(assertCapabilitiesNamed),
    "--udp-tproxy works with two capabilities, and the handler's own datagrams that a rule brings back are refused":
      inTurn(assertOwnRefused),
    "a handler notices that rules for UDP are in place, and their loss": assertLoss,
  },
);

/** A client handler without rights that notices by itself when connections bypass it, with real rules. */
import { assertEquals, assertMatch } from "@std/assert";
import { HANDLER_GROUP, startServer } from "../support/handlers/handlers.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { run } from "../support/programs/process.ts";
import { testTogether } from "../support/programs/programs.ts";
import { startReady } from "./ready.ts";
import { FLAVOURS, mustRules, NEEDS } from "./rules.ts";

const RULES = `rules: {exempt-gid: ["${HANDLER_GROUP}"]}\n`;

/** Commands of other programs that remove our rules. */
const FLUSH: Record<typeof FLAVOURS[number], string> = {
  nft: "nft flush ruleset",
  "iptables-nft": "nft flush ruleset",
  "iptables-legacy": "iptables-legacy -t nat -F OUTPUT; ip6tables-legacy -t nat -F OUTPUT",
};

/** A client handler, and a server with channels of both families. */
async function startPair(topology: Topology, rules: string, workers = 1) {
  const { near, far, ipv4, ipv6 } = topology;
  await using making = new AsyncDisposableStack();
  const channels = [ipv4[0]!, ipv6[1]!, ipv4[2]!];
  making.use(await startServer(channels.map((host) => ({ host, port: 6522 })), "80=127.0.0.1:8080", far));
  const settings = `${rules}workers: ${workers}\n`;
  const client = making.use(await startReady(near, channels, settings));
  const made = making.move();
  return { ...client, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

async function assertLoss(flavour: typeof FLAVOURS[number]): Promise<void> {
  await using topology = await makeTopology();
  const { near } = topology;
  await using client = await startPair(topology, RULES);
  const { handler, inPlace } = client;
  await handler.waitForLog("rules not in place", {
    reason: "no connection is redirected here; run micss rules apply",
  });
  assertEquals(await inPlace(), "0");
  await mustRules(near, "apply", "--config", client.file, "--flavour", flavour);
  await handler.waitForLog("rules in place again");
  assertEquals(await inPlace(), "1");
  await run(["sh", "-c", FLUSH[flavour]], near);
  await handler.waitForLog("rules not in place", {
    reason: "IPv4 is no longer redirected here; run micss rules apply",
  });
  assertEquals(await inPlace(), "0");
  // Its own probes are not sessions, and leave nothing behind.
  assertEquals(handler.logged(/session|refused/), [], handler.describe());
}

async function assertPrecedence(workers: number): Promise<void> {
  await using topology = await makeTopology();
  const { near, ipv4, ipv6 } = topology;
  await using client = await startPair(topology, RULES, workers);
  await mustRules(near, "apply", "--config", client.file, "--flavour", "nft");
  assertEquals(await client.until(true), { ready: true, missing: {}, degraded: {}, unknown: {} });
  const families = [["ip", ipv4[0]!], ["ip6", `[${ipv6[1]}]`]] as const;
  // The workers communicate the same way for both families.
  for (const [family, host] of families.slice(0, workers === 1 ? 2 : 1)) {
    const chain = "chain out { type nat hook output priority -150; policy accept; tcp dport 80 redirect to :9; }";
    await run(["nft", `table ${family} theirs { ${chain}; }`], near);
    const { missing } = await client.until(false);
    assertMatch(
      missing.rules!,
      new RegExp(`^a connection to ${RegExp.escape(host)}:80 is not redirected here, though`),
    );
    await client.handler.waitForLog("rules not in place", { reason: missing.rules! });
    assertEquals(await client.inPlace(), "0");
    await run(["nft", "delete", "table", family, "theirs"], near);
    assertEquals((await client.until(true)).missing, {});
  }
}

testTogether(NEEDS, "a handler without rights reports lost rules", {
  ...Object.fromEntries(
    FLAVOURS.map((flavour) => [
      `lost rules cause a warning and a metric, and so does their return: ${flavour}`,
      () => assertLoss(flavour),
    ]),
  ),
  ...Object.fromEntries(
    [1, 2].map((workers) => [
      `a chain that catches applications' connections before ours makes a handler unready: ${workers} workers`,
      () => assertPrecedence(workers),
    ]),
  ),
  async "another program's invisible rules cause neither a warning nor a metric"() {
    await using topology = await makeTopology();
    await using client = await startPair(topology, "");
    await client.ask();
    assertEquals([await client.inPlace(), client.handler.logged("rules not in place")], [undefined, []]);
  },
});

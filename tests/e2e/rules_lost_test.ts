/** A client handler without rights that notices by itself when connections bypass it, with real rules. */
import { assertEquals, assertMatch } from "@std/assert";
import { HANDLER_GROUP, startServer } from "../support/handlers/handlers.ts";
import { makeTopology } from "../support/system/namespaces.ts";
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

/** Two hosts, with a server handler whose channels are of both families. */
async function openWorld() {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology());
  const channels = [topology.ipv4[0]!, topology.ipv6[1]!, topology.ipv4[2]!];
  making.use(await startServer(channels.map((host) => ({ host, port: 6522 })), "80=127.0.0.1:8080", topology.far));
  const made = making.move();
  return {
    ...topology,
    /** Starts a client handler. @param settings Its file's settings besides its server. */
    startClient: (settings: string) => startReady(topology.near, channels, settings),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

type World = Awaited<ReturnType<typeof openWorld>>;
type Client = Awaited<ReturnType<World["startClient"]>>;

/** Loses the rules of flavours, one after another. */
async function assertLoss({ near }: World, client: Client, flavours: readonly (typeof FLAVOURS[number])[]) {
  const { handler, inPlace } = client;
  await handler.waitForLog("rules not in place", {
    reason: "no connection is redirected here; run micss rules apply",
  });
  for (const [at, flavour] of flavours.entries()) {
    assertEquals(await inPlace(), "0");
    await mustRules(near, "apply", "--config", client.file, "--flavour", flavour);
    await handler.waitForLogs(at + 1, "rules in place again");
    assertEquals(await inPlace(), "1");
    await run(["sh", "-c", FLUSH[flavour]], near);
    await handler.waitForLogs(at + 1, "rules not in place", {
      reason: "IPv4 is no longer redirected here; run micss rules apply",
    });
    assertEquals(await inPlace(), "0");
  }
  // Its own probes are not sessions, and leave nothing behind.
  assertEquals(handler.logged(/session|refused/), [], handler.describe());
}

/** Puts a chain before ours. @param versions The number of versions of IP to try it with. */
async function assertPrecedence({ near, ipv4, ipv6 }: World, client: Client, versions: number): Promise<void> {
  await mustRules(near, "apply", "--config", client.file, "--flavour", "nft");
  assertEquals(await client.until(true), { ready: true, missing: {}, degraded: {}, unknown: {} });
  const families = [["ip", ipv4[0]!], ["ip6", `[${ipv6[1]}]`]] as const;
  for (const [family, host] of families.slice(0, versions)) {
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
  async "lost rules cause a warning and a metric, as does a chain that catches applications' connections before ours: nft"() {
    await using world = await openWorld();
    await using client = await world.startClient(RULES);
    await assertLoss(world, client, ["nft"]);
    await assertPrecedence(world, client, 2);
  },
  async "lost rules cause a warning and a metric, and so does their return: iptables"() {
    await using world = await openWorld();
    await using client = await world.startClient(RULES);
    await assertLoss(world, client, ["iptables-nft", "iptables-legacy"]);
  },
  async "another program's invisible rules cause neither; a chain before ours makes a handler of two workers unready"() {
    await using world = await openWorld();
    {
      await using client = await world.startClient("");
      await client.ask();
      assertEquals([await client.inPlace(), client.handler.logged("rules not in place")], [undefined, []]);
    }
    await using client = await world.startClient(`${RULES}workers: 2\n`);
    // The workers communicate the same way for both families.
    await assertPrecedence(world, client, 1);
  },
});

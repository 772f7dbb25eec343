/** `micss rules` for UDP, with real tools. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HANDLER_GROUP, micssCommand } from "../support/handlers/handlers.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { digText, startDns, UNANSWERED } from "../support/programs/dns.ts";
import { LONG_PATIENCE, Program, run, type RunOptions } from "../support/programs/process.ts";
import { shared, testTogether, testWith } from "../support/programs/programs.ts";
import { allRoutes, allRules, clearing, clientFlags, FLAVOURS, mustRules, NEEDS, rules } from "./rules.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const UDP_NEEDS = [...NEEDS, "dig", "dnsmasq"];

const NAME = "name.example";

const GROUP = ["--exempt-gid", `${HANDLER_GROUP}`];

/** Flags that take datagrams to port 53, and no connections. */
function udpFlags(topology: Topology): string[] {
  return [...clientFlags(topology).slice(0, 2), "--udp-tproxy", "[::]:6522", "--take-udp", "*:53", ...GROUP];
}

/** The far host's addresses that the tests ask, one of each version of IP. */
function hostsOf({ ipv4, ipv6 }: Topology): string[] {
  return [ipv4[0]!, ipv6[1]!];
}

/** As the handler's group, which is exempt. */
function exempt({ within = [] }: RunOptions): RunOptions {
  return { within: [...within, "setpriv", "--regid", `${HANDLER_GROUP}`, "--clear-groups", "--"] };
}

async function all(where: RunOptions): Promise<string> {
  return `${await allRules(where)}\n${await allRoutes(where)}`;
}

/** Asks each host. @returns The answers; "" for none. */
async function asked(
  topology: Topology,
  where: RunOptions = topology.near,
  flags: readonly string[] = [],
): Promise<string[]> {
  return await Promise.all(hostsOf(topology).map((host) => digText(NAME, host, where, flags)));
}

const CLEAR = ["in the clear", "in the clear"], NONE = ["", ""];

async function startFarDns(topology: Topology): Promise<Program> {
  return await startDns(new Map([[NAME, "in the clear"]]), topology.far, { hosts: hostsOf(topology), port: 53 });
}

/** Hosts for each flavour, for tests that leave them without rules. */
const bare = new Map(FLAVOURS.map((flavour) => [flavour, shared(makeTopology)]));

async function assertCycle(flavour: typeof FLAVOURS[number]): Promise<void> {
  const topology = await bare.get(flavour)!(), { near, ipv4, ipv6 } = topology;
  await using _ = clearing(near);
  await using _dns = await startFarDns(topology);
  assertEquals(await asked(topology), CLEAR);
  const untouched = await all(near), flags = [...udpFlags(topology), "--flavour", flavour];
  await run(["sh", "-e"], { ...near, input: await mustRules(near, "print", ...flags) });
  const once = await all(near);
  const applied = await mustRules(near, "apply", ...flags);
  assertEquals(applied.split("\n").slice(0, 3), [
    `Rules of the client are in place (${flavour}).`,
    `Tested: a datagram to ${ipv4[0]}:53 arrives here with its original destination.`,
    `Tested: a datagram to [${ipv6[0]}]:53 arrives here with its original destination.`.replace(ipv6[0]!, ipv6[1]!),
  ]);
  assertEquals(await all(near), once);
  // Nobody listens, so nothing passes, but for the handler's own group.
  assertEquals(await asked(topology, near, UNANSWERED), NONE);
  assertEquals(await asked(topology, exempt(near)), CLEAR);
  // Without the route, what is marked does not leave, and is not brought back either.
  for (const family of ["-4", "-6"]) await run(["ip", family, "rule", "del", "fwmark", "6522"], near);
  assertEquals(await asked(topology, near, UNANSWERED), NONE);
  await mustRules(near, "apply", ...flags);
  assertEquals(await all(near), once);
  // Only connections: the rules for datagrams and their route are gone.
  await mustRules(near, "apply", ...clientFlags(topology), ...GROUP);
  assertEquals((await allRoutes(near)).includes("6521000"), false);
  assertEquals(await asked(topology), CLEAR);
  const both = [...clientFlags(topology), ...udpFlags(topology).slice(2), "--flavour", flavour];
  assertEquals((await mustRules(near, "apply", ...both)).match(/a (connection|datagram) to/g), [
    ...["a connection to", "a connection to"],
    ...["a datagram to", "a datagram to"],
  ]);
  assertEquals(await mustRules(near, "remove", "client"), `Rules of the client are removed (${flavour}).\n`);
  assertEquals(await all(near), untouched);
  assertEquals(await asked(topology), CLEAR);
}

testTogether(
  UDP_NEEDS,
  "rules for UDP are printed, applied, tested, hold datagrams back, go with those for TCP and are removed without a trace",
  Object.fromEntries(FLAVOURS.map((flavour) => [flavour, () => assertCycle(flavour)])),
);

testWith(UDP_NEEDS, "a rule that comes first is found by the datagram that tests ours", async () => {
  const topology = await bare.get("nft")!(), { near, ipv4 } = topology;
  await using _ = clearing(near);
  await run(
    ["nft", "table ip theirs { chain out { type filter hook output priority -200; udp dport 53 drop; }; }"],
    near,
  );
  const failed = await rules(near, "apply", ...udpFlags(topology), "--flavour", "nft");
  assertEquals([failed.code, failed.text()], [1, "Rules of the client are in place (nft).\n"]);
  assertMatch(failed.stderr, new RegExp(`a datagram to ${RegExp.escape(ipv4[0]!)}:53 .+; the rules stay in place\n$`));
});

async function assertWatched(flavour: typeof FLAVOURS[number]): Promise<void> {
  const topology = await bare.get(flavour)!(), { near } = topology;
  await using _ = clearing(near);
  const command = [...await micssCommand(), "rules", "watch", ...udpFlags(topology), "--flavour", flavour];
  await using watch = Program.start(command, { cwd: ROOT, within: near.within });
  await watch.waitForLine(/rules verified tried=\S+:53 protocol=udp/, "trial over IPv4", LONG_PATIENCE);
  await watch.waitForLine(/rules verified tried=\[\S+:53 protocol=udp/);
  const before = await all(near);
  const harm = flavour === "nft"
    ? "nft delete table inet micss"
    : `${flavour} -t mangle -D OUTPUT -p udp -j MICSS_UDP_OUTPUT`;
  let restored = 0;
  for (const line of ["ip -6 rule del fwmark 6522", "ip route flush table 6521000", harm]) {
    restored++;
    await run(["sh", "-ec", line], near);
    // The line follows the change.
    await watch.waitForLine(
      () => watch.lines.filter((line) => /warn +rules restored/.test(line)).length >= restored,
      `rules restored after ${line}`,
    );
    assertEquals(await all(near), before, line);
  }
  assertStringIncludes(watch.lines.join("\n"), 'rules restored reason="another program changed them"');
}

testTogether(
  UDP_NEEDS,
  "a watch restores the route and the rules of datagrams",
  Object.fromEntries(FLAVOURS.map((flavour) => [flavour, () => assertWatched(flavour)])),
);

/** The routing rules in docs/guide/paths.md keep a channel off another channel's link when its own goes down. */
import { assertEquals } from "@std/assert";
import { Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { applicationCommand } from "../support/programs/peer.ts";
import { fenced, read } from "../docs/markdown.ts";
import { openSilentWorld } from "./silence.ts";

/** Maps the documentation's names to those of the test's network. */
const NAMES: readonly [string, string][] = [
  ["192.0.2.10", "10.77.1.2"],
  ["198.51.100.10", "10.77.2.2"],
  ["10.0.1.1 dev wan0", "10.77.1.2 dev c1"],
  ["10.0.2.1 dev wan1", "10.77.2.2 dev c2"],
  ["192.0.2.1 dev eth0", "10.77.1.1 dev c1"],
  ["198.51.100.1 dev eth1", "10.77.2.1 dev c2"],
];

/** The documented commands of one host, as `ip` takes them. */
function documented(side: "client" | "server"): string[] {
  const block = fenced(read("docs/guide/paths.md")).map(({ content }) => content).find((content) =>
    content.includes("lookup 101") && content.includes(side === "client" ? "rule add to" : "rule add from")
  )!;
  const named = NAMES.reduce((text, [shown, real]) => text.replaceAll(shown, real), block);
  return named.trimEnd().split("\n").map((line) => line.replace(/^ip /, ""));
}

/** Takes the first channel's link down during a session. @returns Whether its packets arrived over the second link. */
async function arrivesOnSecondLink(protect: boolean): Promise<boolean> {
  await using world = await openSilentWorld("{ping: 1s, silence: 4s}");
  const { near, far } = world.topology;
  await near.ip("route add default via 10.77.2.2 dev c2");
  await far.ip("route add default via 10.77.2.1 dev c2");
  await run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.c2.rp_filter=0"], far);
  if (protect) {
    await near.ip(...documented("client"));
    await far.ip(...documented("server"));
  }
  const stray = ["INPUT", "-i", "c2", "-d", "10.77.1.2", "-p", "tcp"];
  await run(["iptables", "-w", "-A", ...stray], far);
  await using application = Program.start(applicationCommand("answer", "127.0.0.1:8080"), near);
  await application.waitForLine(/^answered/);
  await near.ip("link set c1 down");
  // Wait for the end of the session: without the first link, its PINGs take the second link or none.
  await application.waitForLine(/^received/);
  const { text } = await run(["iptables", "-w", "-nvxL", "INPUT"], far);
  return Number(/^\s*(\d+)/m.exec(text().split("\n")[2]!)![1]) > 0;
}

testWith(
  ["network namespaces", "iptables"],
  "without rules, a live channel moves to another channel's link",
  async () => {
    assertEquals(await arrivesOnSecondLink(false), true);
  },
);

testWith(["network namespaces", "iptables"], "with the documented rules, no packet of a channel does", async () => {
  assertEquals(await arrivesOnSecondLink(true), false);
});

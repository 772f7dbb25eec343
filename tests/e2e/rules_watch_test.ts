/** `micss rules watch` with real tools: restores rules that another program removes or precedes. */
import { assertEquals, assertMatch } from "@std/assert";
import { HANDLER_GROUP, micssCommand } from "../support/handlers/handlers.ts";
import { makeTopology, type Namespace } from "../support/system/namespaces.ts";
import { LONG_PATIENCE, Program, run } from "../support/programs/process.ts";
import { shared, testTogether, testWith } from "../support/programs/programs.ts";
import { readUnit, withinFilter } from "../support/system/systemd_units.ts";
import { clearing, clientFlags, FLAVOURS, mustRules, NEEDS } from "./rules.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const GROUP = ["--exempt-gid", `${HANDLER_GROUP}`];

/** Commands of other programs that break our rules, by flavour. */
const HARM: Record<typeof FLAVOURS[number], Record<string, string>> = {
  nft: {
    "the whole ruleset is flushed": "nft flush ruleset",
    "the table is deleted": "nft delete table inet micss",
    "a chain is flushed": "nft flush chain inet micss output",
    "a rule is added": "nft insert rule inet micss output accept",
  },
  "iptables-nft": {
    "the whole ruleset is flushed": "nft flush ruleset",
    "the tables are restored": "echo '*nat\nCOMMIT' | iptables-nft-restore",
    "the chain is flushed": "iptables-nft -t nat -F MICSS_OUTPUT",
    "another rule comes first": "ip6tables-nft -t nat -I OUTPUT -p tcp -j ACCEPT",
  },
  "iptables-legacy": {
    "the table is flushed": "iptables-legacy -t nat -F; ip6tables-legacy -t nat -F",
    "the tables are restored": "echo '*nat\nCOMMIT' | iptables-legacy-restore",
    "the jump is deleted": "ip6tables-legacy -t nat -D OUTPUT -p tcp -j MICSS_OUTPUT",
    "another rule comes first": "iptables-legacy -t nat -I OUTPUT -p tcp -j ACCEPT",
  },
};

/** Starts `micss rules watch` and waits until the rules are in place. @param within Its namespace. */
async function startWatch({ within }: Pick<Namespace, "within">, ...flags: string[]): Promise<Program> {
  await using making = new AsyncDisposableStack();
  const command = [...await micssCommand(), "rules", "watch", ...flags];
  const watch = making.use(Program.start(command, { cwd: ROOT, within }));
  await watch.waitForLine(/rules in place rules=client/, "start", LONG_PATIENCE);
  making.move();
  return watch;
}

/** Our rules as their own tool shows them; other programs' rules may differ. */
async function ours(flavour: typeof FLAVOURS[number], where: Namespace): Promise<string> {
  const show = flavour === "nft"
    ? "nft list table inet micss"
    : `${flavour}-save -t nat; ${flavour.replace("ip", "ip6")}-save -t nat`;
  const { stdout } = await run(["sh", "-c", show], { ...where, mayFail: true });
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.filter((line) => flavour === "nft" || /^-A (OUTPUT|MICSS)/.test(line) && !/micss made/.test(line))
    .join("\n").replace(/(MICSS_OUTPUT)\n-A OUTPUT -p tcp -j ACCEPT$/gm, "$1");
}

/** Hosts for each flavour, for tests that leave them without rules. */
const bare = new Map(FLAVOURS.map((flavour) => [flavour, shared(makeTopology)]));

async function assertRestored(flavour: typeof FLAVOURS[number]): Promise<void> {
  const topology = await bare.get(flavour)!(), { near } = topology;
  await using _ = clearing(near);
  const flags = [...clientFlags(topology), ...GROUP, "--flavour", flavour];
  await using watch = await startWatch(near, ...flags);
  for (const tried of [`${topology.ipv4[0]}:9`, `[${topology.ipv6[1]}]:9`]) {
    await watch.waitForLine((line) => line.includes(`rules verified tried=${tried}`), `a trial of ${tried}`);
  }
  const before = await ours(flavour, near);
  assertMatch(before, /redirect to|REDIRECT.*REDIRECT/s);
  let seen = 0;
  for (const [what, command] of Object.entries(HARM[flavour])) {
    await run(["sh", "-c", command], near);
    seen++;
    await watch.waitForLine(
      () => watch.lines.filter((line) => /warn +rules restored/.test(line)).length >= Math.min(seen, 3),
      `rules restored after ${what}`,
    );
    let now = await ours(flavour, near);
    for (let tries = 0; now !== before && tries < 300; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      now = await ours(flavour, near);
    }
    assertEquals(now, before, what);
  }
  // The rules outlive the watch.
  assertEquals(await watch.stop("SIGTERM"), 0, watch.describe());
  assertEquals(await ours(flavour, near), before);
}

testTogether(
  NEEDS,
  "watched rules are restored after any change, and outlive the watch",
  Object.fromEntries(FLAVOURS.map((flavour) => [flavour, () => assertRestored(flavour)])),
);

testWith(NEEDS, "watched rules are tested once there is a route", async () => {
  await using topology = await makeTopology();
  const { near, devices } = topology;
  await near.ip(...devices.map((device) => `link set ${device} down`));
  await using watch = await startWatch(near, ...clientFlags(topology), ...GROUP);
  await near.ip(`link set ${devices[0]} up`);
  await watch.waitForLine(/rules verified tried=10\.77\.1\.2:9/);
  assertEquals(watch.lines.filter((line) => /fd77/.test(line)), []);
  await near.ip(`link set ${devices[1]} up`, "address add fd77:2::1/64 dev c2 nodad");
  await watch.waitForLine(/rules verified tried="?\[fd77:2::2\]:9/);
});

testWith(NEEDS, "a rule that diverts connections from watched ones is logged, and they stay", async () => {
  const topology = await bare.get("nft")!(), { near } = topology;
  await using _ = clearing(near);
  await run(["ip6tables-legacy", "-t", "raw", "-A", "OUTPUT", "-p", "tcp", "-j", "CT", "--notrack"], near);
  await using watch = await startWatch(near, ...clientFlags(topology), ...GROUP, "--flavour", "nft");
  await watch.waitForLine(
    /error rules failed reason="a connection to \[fd77:2::2\]:9 did not arrive; .*stay in place"/,
  );
  assertMatch((await run(["nft", "list", "table", "inet", "micss"], near)).text(), /redirect to :6522/);
});

async function assertEnough(flavour: typeof FLAVOURS[number]): Promise<void> {
  const topology = await bare.get(flavour)!(), { near } = topology;
  await using _ = clearing(near);
  const udp = ["--udp-tproxy", "[::]:6522", "--take-udp", "*:53"];
  const flags = [...clientFlags(topology), ...udp, ...GROUP, "--flavour", flavour];
  for (const action of ["apply", "watch"] as const) {
    const unit = await readUnit(action === "apply" ? "micss-rules" : "micss-rules-watch");
    const rights = unit.get("CapabilityBoundingSet")![0]!.toLowerCase().split(" ");
    const bounding = ["-all", ...rights.map((right) => right.replace("cap_", "+"))].join();
    const within = [
      ...near.within,
      ...["setpriv", `--bounding-set=${bounding}`, "--"],
      ...await withinFilter(unit),
    ];
    if (action === "apply") await mustRules({ within }, action, ...flags);
    else {
      await using watch = await startWatch({ within }, ...flags);
      await watch.waitForLine(/rules verified tried="?\[.* protocol=udp/);
      await run(["sh", "-c", Object.values(HARM[flavour])[0]!], near);
      await watch.waitForLine(/rules restored reason="another program \w+ them"/);
    }
  }
}

testTogether(
  [...NEEDS, "python3", "systemd-analyze"],
  "rules are applied and watched with the capabilities and system calls of their units",
  Object.fromEntries(FLAVOURS.map((flavour) => [flavour, () => assertEnough(flavour)])),
);

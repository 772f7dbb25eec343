/** `micss routes` keeps each channel on its own link, whatever becomes of links and addresses. */
import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeTempDir, type Program, run } from "../support/programs/process.ts";
import { testTogether, testWith } from "../support/programs/programs.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { readUnit, withinFilter } from "../support/system/systemd_units.ts";
import { makeTwoLinks, type TwoLinks } from "../support/system/two_links.ts";
import {
  allRoutes,
  ask,
  FAMILIES,
  mustRoutes,
  NEEDS,
  openRoutedWorld,
  paths,
  type RoutedWorld,
  routes,
  startWatch,
  status,
  takeDown,
  takeUp,
} from "./routes.ts";

/** Flags of channels of both families. */
const CLIENT = [
  "--server",
  "web=192.0.2.10 via wlan0,198.51.100.10 via 10.64.0.2",
  "--server",
  "six=[2001:db8:a::10] via 2001:db8:1::5,[2001:db8:b::10] via lte0",
];
const SERVER = [
  "server",
  ...["192.0.2.10", "198.51.100.10", "[2001:db8:a::10]"].flatMap((host) => ["--channel", host]),
];

async function assertNoTrace(): Promise<void> {
  await using links = await makeTwoLinks();
  for (const [where, flags] of [[links.client, CLIENT], [links.server, SERVER]] as const) {
    const side = flags === CLIENT ? "client" : "server";
    // Rules and routes of others, of which some look like ours.
    await where.ip(
      "rule add to 203.0.113.1 lookup 6522001 priority 6522",
      "rule add from 203.0.113.2 lookup 100 priority 6523 protocol 65",
      "route add unreachable 203.0.113.0/24 table 100",
      "route add default dev lo table 6522900",
    );
    const before = await allRoutes(where);
    assertMatch(await mustRoutes(where, "apply", ...flags), new RegExp(`^Routes of the ${side} are in place.\n`));
    const applied = await allRoutes(where);
    assert(applied !== before);
    assertMatch(await mustRoutes(where, "apply", ...flags), /^Routes of the .* are in place already\.\n/);
    assertEquals(await allRoutes(where), applied);
    assertEquals(await mustRoutes(where, "remove"), `Routes of the ${side} are removed.\n`);
    assertEquals(await allRoutes(where), before);
    assertEquals(await mustRoutes(where, "remove"), "");
    assertEquals(await allRoutes(where), before);
  }
}

testWith(["network namespaces", "setpriv"], "print needs no rights, and its commands are those of apply", async () => {
  await using links = await makeTwoLinks();
  const within = [...links.client.within, "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];
  const script = await mustRoutes({ within }, "print", ...CLIENT);
  const denied = await routes({ within }, "apply", ...CLIENT);
  assertEquals([denied.code, denied.stderr], [
    1,
    "micss routes apply: not permitted to change this machine's routes; run it as root, " +
    "for example with sudo (CAP_NET_ADMIN)\n",
  ]);
  await run(["sh", "-e"], { ...links.client, input: script });
  assertMatch(await mustRoutes(links.client, "apply", ...CLIENT), /^Routes of the client are in place already\.\n/);
});

testWith(["network namespaces"], "another program's rule that comes first is reported, with status 1", async () => {
  await using links = await makeTwoLinks();
  await links.client.ip("rule add to 198.51.100.0/24 lookup 100 priority 50", "route add default dev wlan0 table 100");
  const { code, stderr } = await routes(links.client, "apply", ...CLIENT);
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^micss routes apply: channel 2 of web \(.*\): .* leads by wlan0, table 100, not by lte0, table 6522002; see .*\n$/,
  );
});

testWith(["network namespaces"], "a machine without links is no fault", async () => {
  await using alone = await Namespace.make();
  assertMatch(await mustRoutes(alone, "apply", ...CLIENT), /nowhere: wlan0 has no route to 192\.0\.2\.10 now/);
  await mustRoutes(alone, "remove");
});

/** The lines of rules and routes, sorted: rules of one priority exclude each other, so that their order has no meaning. */
function sorted(text: string): string[] {
  return text.split("\n").sort();
}

async function assertReloaded(): Promise<void> {
  await using links = await makeTwoLinks();
  await using directory = await makeTempDir();
  const file = `${directory.path}/client.yaml`;
  const settings = "servers: {web: [192.0.2.10 via wlan0, 198.51.100.10 via lte0]}\n";
  await Deno.writeTextFile(file, settings);
  await using watch = await startWatch(links.client, "--config", file);
  await Deno.writeTextFile(file, settings.replaceAll("via wlan0", ""));
  watch.signal("SIGHUP");
  await watch.waitForLine(/not reloaded reason=".*client\.yaml:1: servers\.web\.0: no way for 192\.0\.2\.10; write/);
  const before = await allRoutes(links.client);
  assertMatch(before, /from all to 192\.0\.2\.10 lookup 6522001/);
  await Deno.writeTextFile(file, settings.replace("192.0.2.10", "192.0.2.20"));
  watch.signal("SIGHUP");
  await watch.waitForLine(/ reloaded$/);
  assertEquals(sorted(await allRoutes(links.client)), sorted(before.replace("to 192.0.2.10 ", "to 192.0.2.20 ")));
}

/** Another network of the same Wi-Fi router, with the client's new address in it. */
const ROAMING = {
  ipv4: {
    at: {
      home: { address: "192.168.1.5/24", router: "192.168.1.1" },
      away: { address: "192.168.7.5/24", router: "192.168.7.1" },
    },
    nodad: "",
    networks: ["192.168.1.0/24", "192.168.7.0/24"],
    gateway: "192.0.2.1",
  },
  ipv6: {
    at: {
      home: { address: "2001:db8:1::5/64", router: "2001:db8:1::1" },
      away: { address: "2001:db8:7::5/64", router: "2001:db8:7::1" },
    },
    nodad: "nodad",
    networks: ["2001:db8:1::/64", "2001:db8:7::/64"],
    gateway: "2001:db8:a::1",
  },
} as const;

/** Static routes by which each channel has its link, but for the time when it is down. */
const STATIC = {
  client: ["198.51.100.10 via 10.64.0.1 dev lte0", "2001:db8:b::10 via 2001:db8:64::1 dev lte0"],
  server: ["10.64.0.0/24 via 198.51.100.1 dev eth1", "2001:db8:64::/64 via 2001:db8:b::1 dev eth1"],
};

/** Leads the server's packets to the Wi-Fi's networks by the link that reaches its router; taking it down ends that. */
async function routeWifi({ server }: TwoLinks): Promise<void> {
  await server.ip(...FAMILIES.flatMap((family) => {
    const { networks, gateway } = ROAMING[family];
    return networks.map((network) => `route replace ${network} via ${gateway} dev eth0`);
  }));
}

async function setStatic(links: TwoLinks, action: "add" | "del"): Promise<void> {
  for (const side of ["client", "server"] as const) {
    await links[side].ip(...STATIC[side].map((route) => `route ${action} ${route}`));
  }
}

async function assertStraysWithoutRoutes(world: RoutedWorld): Promise<void> {
  const { links } = world;
  assertEquals(await world.strays(), [0, 0]);
  // The client asks for the channel again, by the link that is left.
  await world.breaks(() => takeDown(links, "wlan0"));
  await world.eventually(async () => (await world.strays()).every((count) => count > 0));
  const shown = await paths(links.client, world.settings.client);
  assertEquals(shown.match(/^channel 1: left from .* \(lte0\), not via wlan0; /gm)?.length, 2, shown);
  await world.comesBack(() => takeUp(links, "wlan0"));
  // The server's packets of the open connection go on.
  const before = await world.strays();
  await world.breaks(() => takeDown(links, "eth0"));
  await world.eventually(async () => (await world.strays()).every((count, at) => count > before[at]!));
  await world.comesBack(async () => {
    await takeUp(links, "eth0");
    await routeWifi(links);
  });
}

async function assertNoStraysWithRoutes(world: RoutedWorld, applications: readonly Program[]): Promise<void> {
  const { links, settings } = world, { client } = links;
  await setStatic(links, "del");
  await using watch = await startWatch(client, ...settings.client);
  await using _server = await startWatch(links.server, ...settings.server);
  const assertKept = async () => {
    assertEquals(await world.strays(), before);
    assertEquals(applications.map(({ lines }) => lines), applications.map(() => ["answered"]));
  };
  const before = await world.strays();
  const rules = (await allRoutes(client)).match(/ lookup 6522\d+ /g);
  type End = keyof typeof ROAMING.ipv4.at;
  const move = (from: End, to: End) =>
    client.ip(...FAMILIES.flatMap((family) => {
      const { at, nodad } = ROAMING[family];
      return [
        `address del ${at[from].address} dev wlan0`,
        `address add ${at[to].address} dev wlan0 ${nodad}`,
        `route replace default via ${at[to].router} dev wlan0 metric 600`,
      ];
    }));
  // New addresses are followed, with one line each. A living connection can't go on without its address; a new one takes its place.
  await world.comesBack(() => move("home", "away"));
  for (const family of FAMILIES) {
    const { router, address } = ROAMING[family].at.away, host = address.split("/")[0]!;
    await watch.waitForLine((line) => line.includes(`router ${router}, from ${host}`), "line about the new address");
  }
  await assertKept();
  assertEquals(
    watch.lines.filter((line) => /way (changed|lost)|restored|failed/.test(line)).length,
    FAMILIES.length,
    watch.describe(),
  );
  const after = await allRoutes(client);
  assertEquals(after.match(/ lookup 6522\d+ /g), rules);
  for (const family of FAMILIES) {
    const old = RegExp.escape(ROAMING[family].at.home.address.split("/")[0]!);
    assertEquals(after.match(new RegExp(`table 6522.*${old}|${old}.*table 6522`)), null);
  }

  await world.comesBack(() => move("away", "home"));
  for (const device of ["wlan0", "lte0", "eth0", "eth1"] as const) {
    await world.breaks(() => takeDown(links, device));
    // The client asks for the channel again meanwhile.
    await delay(500);
    await world.comesBack(() => takeUp(links, device));
  }
  await assertKept();
}

async function assertKeptApart(): Promise<void> {
  await using world = await openRoutedWorld(FAMILIES, async (links) => {
    await links.wifi.ip(...FAMILIES.map((family) => {
      const { at, nodad } = ROAMING[family];
      return `address add ${at.away.router}/${at.away.address.split("/")[1]} dev down0 ${nodad}`;
    }));
    await routeWifi(links);
    await setStatic(links, "add");
  });
  const applications = await world.openSessions();
  await assertStraysWithoutRoutes(world);
  await assertNoStraysWithRoutes(world, applications);
}

async function assertPutBack(): Promise<void> {
  await using links = await makeTwoLinks();
  await using watch = await startWatch(links.client, ...CLIENT);
  const applied = await allRoutes(links.client);
  for (const harm of ["-4 rule flush table 6522001", "-4 route flush table 6522002", "-6 rule del priority 6522"]) {
    const before = watch.lines.length;
    await run(["sh", "-c", `ip ${harm}`], links.client);
    await watch.waitForLine((line) => watch.lines.indexOf(line) >= before && line.includes("routes restored"), harm);
    assertEquals(sorted(await allRoutes(links.client)), sorted(applied), harm);
  }
  await links.client.ip("rule add to 192.0.2.10 lookup 100 priority 9", "route add default dev lte0 table 100");
  await watch.waitForLine(/routes failed reason="channel 1 of web .* leads by lte0, table 100/);
  watch.signal("SIGTERM");
  assertEquals(await watch.exited, 0);
}

async function assertTold(): Promise<void> {
  let settings!: RoutedWorld["settings"];
  await using world = await openRoutedWorld(["ipv4"], (_links, given) => Promise.resolve(void (settings = given)));
  const { client, server } = world.links;
  await world.client.waitForLog("channel not kept apart", {
    server: "web",
    channel: 1,
    reason: /^no route of its own: /,
  });
  await world.client.waitForLog("channel not kept apart", {
    channel: 2,
    reason: "leaves by wlan0, not lte0; run micss routes apply",
  });
  assertMatch(await status(client), /^web 2 NOT kept apart: leaves by wlan0, not lte0; run micss routes apply$/m);
  assertMatch(await ask(client, "/metrics"), /^micss_channel_kept_apart\{.*channel="1".*\} 0$/m);
  const { degraded } = JSON.parse(await ask(client, "/readyz"));
  assertEquals(degraded["routes of channel 2 of web"], "leaves by wlan0, not lte0; run micss routes apply");
  // A server is not told to have separate links.
  assertEquals(world.server.logged("channel not kept apart"), []);
  assertEquals(JSON.parse(await ask(server, "/readyz")).degraded, {});

  await mustRoutes(client, "apply", ...settings.client);
  await mustRoutes(server, "apply", ...settings.server);
  await world.client.waitForLog("channel kept apart again", { server: "web", channel: 2 });
  assertMatch(await status(client), /^kept apart by routes: web 1, web 2$/m);
  assertMatch(await ask(client, "/metrics"), /^micss_channel_kept_apart\{.*channel="1".*\} 1$/m);
  await world.eventually(async () => JSON.parse(await ask(client, "/readyz")).degraded["server web"] === undefined);
  assertEquals(JSON.parse(await ask(client, "/readyz")).degraded, {});
  await world.eventually(async () => /^kept apart by routes: 1, 2$/m.test(await status(server)));
  await takeDown(world.links, "lte0");
  assertMatch(await status(client), /^kept apart by routes: web 1, web 2$/m);

  await mustRoutes(server, "remove");
  await world.server.waitForLog("channel not kept apart", { channel: 2, reason: /^no route of its own: / });
  assertMatch(await status(server), /^1 NOT kept apart: leaves by eth1, not eth0; run micss routes apply$/m);
}

testWith(
  [...NEEDS, "python3", "systemd-analyze"],
  "the units' watches work within the rights, system calls and address families that the units allow",
  async () => {
    await using links = await makeTwoLinks();
    for (const [side, where, flags] of [["client", links.client, CLIENT], ["server", links.server, SERVER]] as const) {
      const unit = await readUnit(`micss-routes-${side}`);
      const bounding = `-all,+${unit.get("CapabilityBoundingSet")![0]!.replace("CAP_", "").toLowerCase()}`;
      const filter = ["setpriv", `--bounding-set=${bounding}`, "--inh-caps=-all", "--", ...await withinFilter(unit)];
      await using watch = await startWatch({ within: [...where.within, ...filter] }, ...flags);
      await run(["ip", "route", "flush", "table", side === "client" ? "6522001" : "6523001"], where);
      await watch.waitForLine(/routes restored/);
    }
  },
);

testTogether(NEEDS, "routes are applied, watched and removed, and channels are kept apart by them", {
  [
    "without routes, packets of a channel leave by the other's link while its own is down; with routes, none does, and the " +
    "sessions go on, as addresses change and links go down"
  ]: assertKeptApart,
  "handlers without rights, micss status and micss paths tell whether channels are kept apart": assertTold,
  "routes are applied any number of times, and removed without a trace": assertNoTrace,
  "watch takes changed settings at SIGHUP, and keeps the previous ones if they are wrong": assertReloaded,
  "watch puts back what another program removes, and reports a rule that comes first": assertPutBack,
});

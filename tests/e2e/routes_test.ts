/** `micss routes` keeps each channel on its own link, whatever becomes of links and addresses. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "../support/programs/process.ts";
import { testTogether, testWith } from "../support/programs/programs.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { makeTwoLinks } from "../support/system/two_links.ts";
import {
  allRoutes,
  type Family,
  mustRoutes,
  NEEDS,
  openRoutedWorld,
  routes,
  startWatch,
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

testWith(["network namespaces"], "routes are applied any number of times, and removed without a trace", async () => {
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
});

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

testWith(["network namespaces"], "a machine without links, and one without IPv6, are no faults", async () => {
  await using alone = await Namespace.make();
  assertMatch(await mustRoutes(alone, "apply", ...CLIENT), /nowhere: wlan0 has no route to 192\.0\.2\.10 now/);
  await mustRoutes(alone, "remove");
});

/** Tests both versions of IP at the same time, each in namespaces of its own. */
function testFamilies(name: string, test: (family: Family) => Promise<void>): void {
  testTogether(NEEDS, name, { ipv4: () => test("ipv4"), ipv6: () => test("ipv6") });
}

testFamilies("without routes, packets of a channel leave by the other's link while its own is down", async (family) => {
  await using world = await openRoutedWorld(family, async ({ client, server }) => {
    // Each channel has its link, but for the time when it is down.
    await client.ip(
      "route add 198.51.100.10 via 10.64.0.1 dev lte0",
      "route add 2001:db8:b::10 via 2001:db8:64::1 dev lte0",
    );
    await server.ip(
      "route add 10.64.0.0/24 via 198.51.100.1 dev eth1",
      "route add 2001:db8:64::/64 via 2001:db8:b::1 dev eth1",
    );
  });
  const { links } = world;
  assert(await world.session());
  assertEquals(await world.strays(), 0);
  await takeDown(links, "wlan0");
  await world.eventually(async () => !await world.session() && await world.strays() > 0);
  await takeUp(links, "wlan0");
  await using application = await world.openSession();
  const before = await world.strays();
  await takeDown(links, "eth0");
  await application.waitForLine(/^received/);
  await world.eventually(async () => await world.strays() > before);
});

testFamilies("with routes, none does, whichever link goes down and comes back", async (family) => {
  await using world = await openRoutedWorld(family, async (links, { client, server }, making) => {
    making.use(await startWatch(links.client, ...client));
    making.use(await startWatch(links.server, ...server));
  });
  const { links } = world;
  for (const device of ["wlan0", "lte0", "eth0", "eth1"] as const) {
    await using application = await world.openSession();
    await takeDown(links, device);
    await application.waitForLine(/^received/);
    assertEquals([await world.session(), await world.session()], [false, false], device);
    await takeUp(links, device);
  }
  await using _application = await world.openSession();
  assertEquals(await world.strays(), 0);
});

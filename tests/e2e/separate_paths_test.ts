/** `micss paths` on a host with two ways out. */
import { assertEquals, assertMatch } from "@std/assert";
import { micssCommand, startServer } from "../support/handlers/handlers.ts";
import { run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { mustRoutes } from "./routes.ts";
import { makeTwoLinks, type TwoLinks } from "../support/system/two_links.ts";

/** Any user may run it. */
const UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

async function paths({ client }: TwoLinks, ...args: string[]) {
  const within = [...client.within, ...UNPRIVILEGED];
  const cwd = new URL("../../", import.meta.url).pathname;
  return await run([...await micssCommand(), "paths", ...args], { within, cwd, mayFail: true });
}

testWith(
  ["network namespaces", "setpriv"],
  "two channels over one default route are one path, and separate with a route each, as micss routes makes them",
  async () => {
    await using links = await makeTwoLinks();
    for (const hosts of [["192.0.2.10", "198.51.100.10"], ["2001:db8:a::10", "2001:db8:b::10"]]) {
      await using server = await startServer(
        hosts.map((host) => ({ host, port: 6522 })),
        "80=127.0.0.1:80",
        links.server,
      );
      const [one, two] = hosts.map((host) => host.includes(":") ? `[${host}]` : host);
      const before = await paths(links, "--server", `web=${one},${two}`);
      assertEquals(before.code, 1, before.stderr);
      assertMatch(before.text(), /^channels 1 and 2 leave by the same device, wlan0: that is one path$/m);
      assertMatch(before.text(), /^channels 1 and 2 have the same gateway, [^ ]*[.:]1: that is one path$/m);
      const gateway = hosts[1]!.includes(":") ? "2001:db8:64::1" : "10.64.0.1";
      await links.client.ip(`route add ${hosts[1]} via ${gateway} dev lte0`);
      assertEquals(server.logged("channel not associated"), []);
      await server.waitForLogs(4, "channel probed", { level: "debug" });
      const after = await paths(links, "--server", `web=${one} via wlan0,${two} via lte0`, "--json");
      assertEquals(after.code, 0, after.text() + after.stderr);
      const [{ channels, shared, maxPayload, wireguardMtu }] = JSON.parse(after.text()).servers;
      // The links have Ethernet's MTU: 1,500 bytes, of which IPv4 and UDP take 28, IPv6 and UDP 48.
      const isIpv6 = hosts[0]!.includes(":"), fits = isIpv6 ? 1452 : 1472;
      assertEquals(channels.map(({ maxDatagram }: { maxDatagram: number }) => maxDatagram), [fits, fits]);
      assertEquals([maxPayload, wireguardMtu], isIpv6 ? [1420, 1376] : [1440, 1408]);
      assertEquals(shared, []);
      assertEquals(channels.map(({ device }: { device: string }) => device), ["wlan0", "lte0"]);
      assertEquals(channels[1].gateway, gateway);
      assertEquals(channels[1].hops, [gateway, hosts[1]]);
      assertEquals(typeof channels[1].roundTrip, "number");
      assertEquals(
        channels.map(({ strays }: { strays: string }) => strays),
        ["wlan0", "lte0"].map((device) =>
          `no route of its own: when ${device} is down, another takes its place; run micss routes apply`
        ),
      );
      await mustRoutes(links.client, "apply", "--server", `web=${one} via wlan0,${two} via lte0`);
      const kept = await paths(links, "--server", `web=${one} via wlan0,${two} via lte0`);
      assertMatch(kept.text(), /\nSeparate, as far as this machine can tell\.\n$/);
      // The narrowest path sets what fits all.
      await links.client.ip("link set lte0 mtu 1400");
      const narrow = await paths(links, "--server", `web=${one} via wlan0,${two} via lte0`);
      assertMatch(
        narrow.text(),
        isIpv6
          ? / 1,452 B .*\n.* 1,352 B .*\nDatagrams of up to 1,320 bytes fit .* the MTU of WireGuard .* is 1280\.\n/
          : / 1,472 B .*\n.* 1,372 B .*\nDatagrams of up to 1,340 bytes fit .* the MTU of WireGuard .* is 1296\.\n/,
      );
      await links.client.ip("link set lte0 mtu 1500");
      await mustRoutes(links.client, "remove");
    }
  },
);

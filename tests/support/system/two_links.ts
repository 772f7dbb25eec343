import { run } from "../programs/process.ts";
import { Namespace } from "./namespaces.ts";

/** A client with two ways out, and a server with two addresses. */
export interface TwoLinks extends AsyncDisposable {
  /** The client's host: devices wlan0 (192.168.1.5, 2001:db8:1::5) and lte0 (10.64.0.2, 2001:db8:64::2). */
  client: Namespace;
  /** The server's host: devices eth0 (192.0.2.10, 2001:db8:a::10) and eth1 (198.51.100.10, 2001:db8:b::10). */
  server: Namespace;
  /** The router of wlan0, which also leads to eth1, by way of the server's host. */
  wifi: Namespace;
  /** The router of lte0, which also leads to eth0. */
  carrier: Namespace;
}

/** One side of the network, as `ip` configures it. */
interface Side {
  readonly near: string;
  readonly far: string;
  readonly ipv4: readonly [client: string, near: string, far: string, server: string];
  readonly ipv6: TwoSides;
}
type TwoSides = readonly [client: string, near: string, far: string, server: string];

const SIDES: readonly Side[] = [{
  near: "wlan0",
  far: "eth0",
  ipv4: ["192.168.1.5", "192.168.1.1", "192.0.2.1", "192.0.2.10"],
  ipv6: ["2001:db8:1::5", "2001:db8:1::1", "2001:db8:a::1", "2001:db8:a::10"],
}, {
  near: "lte0",
  far: "eth1",
  ipv4: ["10.64.0.2", "10.64.0.1", "198.51.100.1", "198.51.100.10"],
  ipv6: ["2001:db8:64::2", "2001:db8:64::1", "2001:db8:b::1", "2001:db8:b::10"],
}];

/** Waits until the kernel has noticed that links are up: until then routes are marked, and those of addresses come later. */
const SETTLED = "while ip -4 route show table all | grep -q linkdown || " +
  "[ $(ip -6 route show table local | grep -c '^local 2001') -lt 2 ]; do sleep 0.02; done";

/**
 * Creates a laptop with Wi-Fi and LTE, both with a default route of which Wi-Fi's comes first, and a server with two
 * networks:
 *
 * ```text
 *  client                                                              server
 *  192.168.1.5 wlan0 ==== 192.168.1.1  router  192.0.2.1    ==== eth0 192.0.2.10
 *  10.64.0.2   lte0  ==== 10.64.0.1    router  198.51.100.1 ==== eth1 198.51.100.10
 * ```
 *
 * The server's host forwards, so that either router reaches both of its addresses, as on the Internet.
 */
export async function makeTwoLinks(): Promise<TwoLinks> {
  await using making = new AsyncDisposableStack();
  const client = making.use(await Namespace.make()), server = making.use(await Namespace.make());
  const wifi = making.use(await Namespace.make()), carrier = making.use(await Namespace.make());
  const routers = [wifi, carrier];
  const links = SIDES.flatMap(({ near, far }, at) => [
    `link add ${near} index ${10 + at} netns ${client.pid} type veth peer name down0 index 30 netns ${
      routers[at]!.pid
    }`,
    `link add up0 index 31 netns ${routers[at]!.pid} type veth peer name ${far} index ${40 + at} netns ${server.pid}`,
  ]);
  await run(["ip", "-batch", "-"], { input: links.join("\n") + "\n" });
  const forward =
    "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0";
  const settings = `sysctl -qw ${forward}; for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done`;
  for (const host of [client, server, ...routers]) await run(["sh", "-ec", settings], host);
  const assign = (device: string, ipv4: string, ipv6: string) => [
    `address add ${ipv4}/24 dev ${device}`,
    `address add ${ipv6}/64 dev ${device} nodad`,
    `link set ${device} up`,
  ];
  await client.ip(...SIDES.flatMap(({ near, ipv4, ipv6 }, at) => [
    ...assign(near, ipv4[0], ipv6[0]),
    `route add default via ${ipv4[1]} dev ${near} metric ${600 + at}`,
    `route add default via ${ipv6[1]} dev ${near} metric ${600 + at}`,
  ]));
  for (const [at, { ipv4, ipv6 }] of SIDES.entries()) {
    await routers[at]!.ip(
      ...assign("down0", ipv4[1], ipv6[1]),
      ...assign("up0", ipv4[2], ipv6[2]),
      `route add default via ${ipv4[3]} dev up0`,
      `route add default via ${ipv6[3]} dev up0`,
    );
  }
  const [one, two] = [SIDES[0]!, SIDES[1]!];
  await server.ip(
    ...SIDES.flatMap(({ far, ipv4, ipv6 }) => assign(far, ipv4[3], ipv6[3])),
    `route add 192.168.1.0/24 via ${one.ipv4[2]} dev eth0`,
    `route add default via ${two.ipv4[2]} dev eth1`,
    `route add 2001:db8:1::/64 via ${one.ipv6[2]} dev eth0`,
    `route add default via ${two.ipv6[2]} dev eth1`,
  );
  for (const host of [client, server]) await run(["sh", "-ec", SETTLED], { within: host.within, ms: 10_000 });
  const made = making.move();
  return { client, server, wifi, carrier, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

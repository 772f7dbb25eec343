import { run } from "../programs/process.ts";
import { Namespace } from "./namespaces.ts";

/** A client whose second path is a tunnel, and a server with two networks. */
export interface TunnelledLink extends AsyncDisposable {
  /** The client's host: devices eth0 (203.0.113.5) and tun0 (10.8.0.2). */
  client: Namespace;
  /** The server's host: devices eth0 (192.0.2.10) and eth1 (198.51.100.10). */
  server: Namespace;
}

/**
 * Creates a client with one provider, and a tunnel through it to another network, in which the server has an address, too:
 *
 * ```text
 *  client                        provider                          server
 *  203.0.113.5 eth0 ==== 203.0.113.1    192.0.2.1 ============ eth0 192.0.2.10
 *  10.8.0.2    tun0 . . .  203.0.115.1 ==== 203.0.115.2
 *                                     10.8.0.1  198.51.100.1 = eth1 198.51.100.10
 *                                        end of the tunnel
 * ```
 *
 * The tunnel is VXLAN, which needs no program; its routes are those that OpenVPN makes without redirecting everything.
 */
export async function makeTunnelledLink(): Promise<TunnelledLink> {
  await using making = new AsyncDisposableStack();
  const [client, provider, vpn, server] = [
    making.use(await Namespace.make()),
    making.use(await Namespace.make()),
    making.use(await Namespace.make()),
    making.use(await Namespace.make()),
  ];
  const link = (one: Namespace, near: string, other: Namespace, far: string, index: number) =>
    `link add ${near} index ${index} netns ${one.pid} type veth peer name ${far} index ${
      index + 20
    } netns ${other.pid}`;
  const links = [
    link(client, "eth0", provider, "down0", 10),
    link(provider, "up0", server, "eth0", 11),
    link(provider, "side0", vpn, "in0", 12),
    link(vpn, "out0", server, "eth1", 13),
  ];
  await run(["ip", "-batch", "-"], { input: links.join("\n") + "\n" });
  for (const host of [client, provider, vpn, server]) {
    await run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0"], host);
    await run(["sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done"], host);
  }
  const up = (device: string, address: string) => [
    `address add ${address} dev ${device}`,
    `link set ${device} up`,
  ];
  const tunnel = (remote: string, device: string, address: string) => [
    `link add tun0 type vxlan id 7 remote ${remote} dstport 4789 dev ${device}`,
    ...up("tun0", address),
  ];
  await provider.ip(...up("down0", "203.0.113.1/24"), ...up("up0", "192.0.2.1/24"), ...up("side0", "203.0.115.1/24"));
  await vpn.ip(
    ...up("in0", "203.0.115.2/24"),
    ...up("out0", "198.51.100.1/24"),
    "route add default via 203.0.115.1 dev in0",
    ...tunnel("203.0.113.5", "in0", "10.8.0.1/24"),
  );
  await server.ip(
    ...up("eth0", "192.0.2.10/24"),
    ...up("eth1", "198.51.100.10/24"),
    "route add default via 192.0.2.1 dev eth0 metric 100",
    "route add 10.8.0.0/24 via 198.51.100.1 dev eth1",
  );
  await client.ip(
    ...up("eth0", "203.0.113.5/24"),
    "route add default via 203.0.113.1 dev eth0 metric 100",
    ...tunnel("203.0.115.2", "eth0", "10.8.0.2/24"),
  );
  const made = making.move();
  return { client, server, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

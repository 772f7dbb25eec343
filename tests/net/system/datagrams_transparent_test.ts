/** Transparent UDP sockets with rules of nftables that hand datagrams to them. */
import { assertEquals } from "@std/assert";
import { stdFlags } from "../../../scripts/std.ts";
import { run } from "../../support/programs/process.ts";
import { testWith } from "../../support/programs/programs.ts";
import { makeTopology } from "../../support/system/namespaces.ts";

/** Hands every datagram to port 53 to port 7000, with a route that makes marked ones local. */
const RULES = `table inet test {
  chain out { type route hook output priority -150; udp dport 53 meta mark set 1; }
  chain in {
    type filter hook prerouting priority -150;
    meta nfproto ipv4 meta l4proto udp meta mark 1 tproxy ip to :7000 accept
    meta nfproto ipv6 meta l4proto udp meta mark 1 tproxy ip6 to :7000 accept
  }
}
`;

const PROGRAM = new URL("datagrams_transparent_program.ts", import.meta.url).pathname;

testWith(
  ["network namespaces", "nft"],
  "TPROXY's datagrams have their destination, and are answered from it",
  async () => {
    await using topology = await makeTopology();
    const { near } = topology;
    await run(["nft", "-f", "-"], { within: near.within, input: RULES });
    for (const [family, router] of [["-4", "10.77.1.2"], ["-6", "fd77:1::2"]] as const) {
      await run(["ip", family, ..."rule add fwmark 1 lookup 100".split(" ")], near);
      await run(["ip", family, ..."route add local default dev lo table 100".split(" ")], near);
      await run(["ip", family, "route", "add", "default", "via", router], near);
    }
    const command = [Deno.execPath(), "run", "-A", ...await stdFlags(), PROGRAM];
    const ipv4 = { host: "192.0.2.53", port: 53 }, ipv6 = { host: "2001:db8::53", port: 53 };
    const seen = (to: typeof ipv4) => {
      return {
        known: true,
        destinations: [to, to],
        trafficClass: 0xb8,
        answered: to,
        second: "AddrInUse",
        later: ["question"],
      };
    };
    assertEquals(JSON.parse((await run(command, near)).text()), [seen(ipv4), seen(ipv4), seen(ipv6)]);
  },
);

testWith(["network namespaces", "setpriv"], "a transparent socket without CAP_NET_ADMIN names it", async () => {
  const without = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--"];
  const output = await run([...without, Deno.execPath(), "run", "-A", ...await stdFlags(), PROGRAM]);
  assertEquals(JSON.parse(output.text()), "NotSupported: TPROXY for UDP needs the capability CAP_NET_ADMIN");
});

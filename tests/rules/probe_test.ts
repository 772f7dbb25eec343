import { assertEquals } from "@std/assert";
import { chooseProbe, type Probe, withProbe } from "../../src/rules/probe.ts";
import type { Family } from "../../src/rules/ruleset.ts";
import { nftScript } from "../../src/rules/nft.ts";
import { client, WEB } from "./plans.ts";

const HOSTS = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];

function probe(flags: string, family: Family, own: string[] = []): Probe | undefined {
  return chooseProbe(
    client(`${WEB} --redirect [::] ${flags}`).ruleset,
    "tcp",
    family,
    HOSTS,
    (host) => own.includes(host),
  );
}

function where(flags: string, family: Family, own?: string[]): string | undefined {
  const chosen = probe(flags, family, own);
  return chosen && `${chosen.to.host} ${chosen.to.port}`;
}

Deno.test("a probe goes to a real server if the rules redirect that, otherwise to an unassigned address", () => {
  assertEquals(where("", "ipv4"), "192.0.2.1 9");
  assertEquals(where("", "ipv6"), "2001:db8::1 9");
  assertEquals(where("--take *:80", "ipv4"), "192.0.2.1 80");
  assertEquals(where("--take *:6522", "ipv4"), "192.0.2.2 6522");
  assertEquals(where("--take *:80 --exempt servers", "ipv6"), undefined);
  assertEquals(where("--take [::]/0:80 --exempt [2001:db8::1]", "ipv6"), undefined);
  assertEquals(where("--take 192.0.2.0/24:80", "ipv4"), "192.0.2.1 80");
  assertEquals(where("--take 203.0.113.0/24:80", "ipv4"), "203.0.113.1 80");
  assertEquals(where("--take 203.0.113.7:80", "ipv4"), "203.0.113.7 80");
});

Deno.test("without a server of that version of IP, a documentation address is probed", () => {
  const { ruleset } = client("--server web=198.51.100.1,198.51.100.2 --redirect [::] --take *:80");
  const chosen = chooseProbe(ruleset, "tcp", "ipv6", ["198.51.100.1", "198.51.100.2"], () => false);
  assertEquals(chosen?.to, { host: "2001:db8::1", port: 80 });
});

Deno.test("destinations that are not redirected are not probed", () => {
  assertEquals(where("--take 192.0.2.0/24:80", "ipv6"), undefined);
  assertEquals(where("", "ipv4", ["192.0.2.1"]), "192.0.2.2 9");
  assertEquals(where("", "ipv4", ["192.0.2.1", "192.0.2.2"]), undefined);
  assertEquals(where("--exempt 192.0.2.1", "ipv4"), "192.0.2.2 9");
});

Deno.test("a probe of one user's rule is made as that user", () => {
  assertEquals(probe("--take-user bob", "ipv4")?.user, 1001);
  assertEquals(probe("", "ipv4")?.user, undefined);
});

Deno.test("a probe's rule is a twin for one port, right before the rule that it verifies", () => {
  const { ruleset } = client(`${WEB} --redirect [::] --take-user bob --take-from eth1`);
  const chosen = chooseProbe(ruleset, "tcp", "ipv6", HOSTS, () => false)!;
  const [before, after] = [ruleset, withProbe(ruleset, chosen, 40_001, 40_002)]
    .map((rules) => nftScript(rules).split("\n").filter((line) => !line.includes("#")));
  const at = after!.findIndex((line, at) => line !== before![at]);
  assertEquals(after!.toSpliced(at, 1), before);
  assertEquals(after![at]?.trim(), "meta skuid 1001 ip6 daddr 2001:db8::1 tcp sport 40001 redirect to :40002");
  assertEquals(after![at + 1]?.trim(), "meta l4proto tcp meta skuid 1001 ip6 daddr 2001:db8::1 redirect to :6522");
});

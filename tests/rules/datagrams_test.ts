/** Rules for UDP: their selection, notation, and the route of marked packets. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UsageError } from "../../src/config/problems.ts";
import { MarkedRoute } from "../../src/rules/marked_route.ts";
import { putRules } from "../../src/rules/mod.ts";
import { NftBackend } from "../../src/rules/nft_backend.ts";
import { nftScript } from "../../src/rules/nft.ts";
import { chooseProbe, withProbe } from "../../src/rules/probe.ts";
import type { Hook, Ruleset } from "../../src/rules/ruleset.ts";
import { type Command, RulesError, type Tools } from "../../src/rules/tools.ts";
import { xtablesScript } from "../../src/rules/xtables.ts";
import { readXtables } from "../../src/rules/xtables_state.ts";
import { client, names, WEB } from "./plans.ts";

const UDP = `${WEB} --udp-tproxy [::]:7000 --exempt-uid 990`;

/** The lines of a chain in nft's notation, without its head and comments. */
function chainOf(ruleset: Ruleset, hook: Hook): string[] {
  const lines = nftScript(ruleset).split("\n").map((line) => line.trim());
  const start = lines.indexOf(`chain ${hook} {`);
  if (start < 0) return [];
  return lines.slice(start + 3, lines.indexOf("}", start)).filter((line) => !line.startsWith("#"));
}

const BEFORE = [
  "meta nfproto ipv4 udp sport 6458-6521 meta mark set 6522 accept",
  "meta nfproto ipv6 udp sport 6458-6521 meta mark set 6522 accept",
  "meta skuid 990 return",
  "fib daddr type local return",
  "ip daddr 192.0.2.1 udp dport 6522 return",
  "ip daddr 192.0.2.2 udp dport 6000 return",
  "ip6 daddr 2001:db8::1 udp dport 6522 return",
];

const MANY = "fib daddr type { broadcast, multicast } return";

/** The rule that hands datagrams over, and the one that drops them where nothing listens. */
function handOver(version: 4 | 6, matches: string): string[] {
  const ip = version === 4 ? "ip" : "ip6";
  return [`${matches} tproxy ${ip} to :7000 meta mark set 6522 accept`, `${matches} drop`];
}

Deno.test("this machine's datagrams are marked, but for the handler's, the channels' and those to many", () => {
  const { ruleset, notes } = client(`${UDP} --take-udp *:53 --exempt 203.0.113.0/24`);
  assertEquals(notes, []);
  assertEquals(ruleset.chains.map(({ hook }) => hook), ["udp_output", "udp_prerouting", "udp_postrouting"]);
  assertEquals(chainOf(ruleset, "udp_output"), [
    ...BEFORE,
    "ip daddr 203.0.113.0/24 return",
    MANY,
    "meta nfproto ipv4 udp dport 53 meta mark set 6522 accept",
    "meta nfproto ipv6 udp dport 53 meta mark set 6522 accept",
  ]);
  assertEquals(chainOf(ruleset, "udp_prerouting"), [
    ...handOver(4, 'iifname "lo" ip daddr 127.6.5.22 udp dport 2'),
    ...handOver(6, 'iifname "lo" ip6 daddr ::1 udp dport 2'),
    ...handOver(4, 'meta l4proto udp meta nfproto ipv4 iifname "lo" meta mark 6522'),
    ...handOver(6, 'meta l4proto udp meta nfproto ipv6 iifname "lo" meta mark 6522'),
  ]);
  assertEquals(chainOf(ruleset, "udp_postrouting"), [
    'meta nfproto ipv4 oifname != "lo" meta mark 6522 drop',
    'meta nfproto ipv6 oifname != "lo" meta mark 6522 drop',
  ]);
});

Deno.test("rules for one version of IP have none for the other", () => {
  const { ruleset } = client(`${WEB} --udp-tproxy 127.0.0.1:7000 --exempt-uid 990 --take-udp 192.0.2.0/24`);
  assertEquals(chainOf(ruleset, "udp_output").slice(-2), [
    MANY,
    "meta l4proto udp ip daddr 192.0.2.0/24 meta mark set 6522 accept",
  ]);
  assertEquals(chainOf(ruleset, "udp_prerouting").filter((line) => line.includes("ip6")), []);
  assertEquals(xtablesScript(ruleset, "mangle", "ipv6", readXtables("mangle", "")), undefined);
});

Deno.test("a user's datagrams, and those that a gateway forwards", () => {
  const { ruleset, notes } = client(`${UDP} --take-udp 192.0.2.53:53 --take-user bob --take-from lan0`);
  assertEquals(notes, ["connections from lan0 can't be verified from this machine"]);
  assertEquals(
    chainOf(ruleset, "udp_output").at(-1),
    "meta skuid 1001 ip daddr 192.0.2.53 udp dport 53 meta mark set 6522 accept",
  );
  assertEquals(chainOf(ruleset, "udp_prerouting").slice(4), [
    ...BEFORE.slice(3),
    MANY,
    ...handOver(4, 'iifname "lan0" ip daddr 192.0.2.53 udp dport 53'),
  ]);
});

Deno.test("rules for both protocols are in one table, and those for one alone need nothing of the other", () => {
  const hooks = (flags: string) => client(`${UDP} ${flags}`).ruleset.chains.map(({ hook }) => hook);
  const udp: Hook[] = ["udp_output", "udp_prerouting", "udp_postrouting"];
  assertEquals(hooks("--redirect [::] --take-udp servers"), ["output", ...udp]);
  assertEquals(hooks("--take-udp servers"), udp);
  assertEquals(hooks("--redirect [::]"), ["output"]);
  assertEquals(client(`${UDP} --redirect [::]`).notes, [
    "no datagrams are taken, despite udp-tproxy; give --take-udp, such as servers or *:53",
  ]);
});

Deno.test("a gateway's rules for ip6tables", () => {
  const { ruleset } = client(`${UDP} --take-udp [2001:db8::53]:53 --take-from lan0`);
  const script = xtablesScript(ruleset, "mangle", "ipv6", readXtables("mangle", ""))!;
  assertEquals(script.split("\n").filter((line) => !line.startsWith("#")), [
    "*mangle",
    ":MICSS_UDP_OUTPUT - [0:0]",
    "-A MICSS_UDP_OUTPUT -p udp --sport 6458:6521 -j MARK --set-mark 6522",
    "-A MICSS_UDP_OUTPUT -p udp --sport 6458:6521 -j ACCEPT",
    "-A MICSS_UDP_OUTPUT -p udp -m owner --uid-owner 990 -j RETURN",
    "-A MICSS_UDP_OUTPUT -p udp -m addrtype --dst-type LOCAL -j RETURN",
    "-A MICSS_UDP_OUTPUT -d 2001:db8::1 -p udp --dport 6522 -j RETURN",
    "-A MICSS_UDP_OUTPUT -p udp -m addrtype --dst-type MULTICAST -j RETURN",
    "-A MICSS_UDP_OUTPUT -d 2001:db8::53 -p udp --dport 53 -j MARK --set-mark 6522",
    "-A MICSS_UDP_OUTPUT -d 2001:db8::53 -p udp --dport 53 -j ACCEPT",
    "-I OUTPUT 1 -p udp -j MICSS_UDP_OUTPUT",
    ":MICSS_UDP_PREROUTING - [0:0]",
    "-A MICSS_UDP_PREROUTING -d ::1 -i lo -p udp --dport 2 -j TPROXY --on-port 7000 --tproxy-mark 6522",
    "-A MICSS_UDP_PREROUTING -i lo -p udp -m mark --mark 6522 -j TPROXY --on-port 7000 --tproxy-mark 6522",
    "-A MICSS_UDP_PREROUTING -p udp -m addrtype --dst-type LOCAL -j RETURN",
    "-A MICSS_UDP_PREROUTING -d 2001:db8::1 -p udp --dport 6522 -j RETURN",
    "-A MICSS_UDP_PREROUTING -p udp -m addrtype --dst-type MULTICAST -j RETURN",
    "-A MICSS_UDP_PREROUTING -d 2001:db8::53 -i lan0 -p udp --dport 53 -j TPROXY --on-port 7000 --tproxy-mark 6522",
    "-I PREROUTING 1 -p udp -j MICSS_UDP_PREROUTING",
    ":MICSS_UDP_POSTROUTING - [0:0]",
    "-A MICSS_UDP_POSTROUTING ! -o lo -p udp -m mark --mark 6522 -j DROP",
    "-I POSTROUTING 1 -p udp -j MICSS_UDP_POSTROUTING",
    "COMMIT",
    "",
  ]);
});

Deno.test("settings that would let datagrams pass in the clear, or come back, are refused", () => {
  const refusal = (flags: string) =>
    assertThrows(() => client(flags), UsageError).message.replace(/^micss rules: /, "");
  assertEquals(
    refusal(`${WEB} --redirect [::] --take-udp *:53 --exempt-uid 990`),
    "no udp-tproxy address; give --udp-tproxy, such as 0.0.0.0:6522",
  );
  assertEquals(
    refusal(`${WEB} --udp-tproxy [::] --exempt-uid 990`),
    "nothing to take; give --take-udp, such as servers or *:53",
  );
  assertEquals(
    refusal(`${WEB} --udp-tproxy [::] --take-udp *:53`),
    "with take-udp, the handler's own datagrams would come back to it; run it as a dedicated user and give --exempt-uid",
  );
  assertEquals(
    refusal(`${WEB} --udp-tproxy 0.0.0.0 --take-udp *:53 --exempt-uid 990`),
    "any host, port 53 would bypass the handler over IPv6, which no udp-tproxy address accepts; let one be at [::], " +
      "which accepts both, or take 0.0.0.0/0 instead of *",
  );
  assertEquals(
    refusal(`${WEB} --udp-tproxy 127.0.0.1 --take-udp 192.0.2.0/24 --take-from lan0 --exempt-uid 990`),
    "rules can't reach any udp-tproxy address; let one be at 0.0.0.0 or [::]",
  );
  assertEquals(client(`${WEB} --udp-tproxy [::] --take-udp *:53`, undefined, names({ packaged: true })).notes, []);
});

Deno.test("a probe of datagrams is marked by the real rule, and handed over by a twin", () => {
  const { ruleset } = client(`${UDP} --take-udp *:53 --take-user bob`);
  const probe = chooseProbe(ruleset, "udp", "ipv6", ["192.0.2.1", "2001:db8::1"], () => false)!;
  assertEquals([probe.to, probe.user], [{ host: "2001:db8::1", port: 53 }, 1001]);
  const twin = withProbe(ruleset, probe, 40_001, 40_002);
  assertEquals(chainOf(twin, "udp_output"), chainOf(ruleset, "udp_output"));
  const [before, after] = [ruleset, twin].map((rules) => chainOf(rules, "udp_prerouting"));
  const at = after!.findIndex((line, at) => line !== before![at]);
  assertEquals(after!.toSpliced(at, 2), before);
  const matches = 'meta nfproto ipv6 iifname "lo" meta mark 6522 udp sport 40001';
  assertEquals(after!.slice(at, at + 2), [
    `${matches} tproxy ip6 to :40002 meta mark set 6522 accept`,
    `${matches} drop`,
  ]);
  assertEquals(chooseProbe(ruleset, "tcp", "ipv6", [], () => false), undefined);
});

const RULE = {
  priority: 6521,
  src: "all",
  fwmark: "0x197a",
  table: "6521000",
  protocol: "65",
};
const ROUTE = { type: "2", dst: "default", dev: "lo", table: "6521000", protocol: "65" };

/** A machine with rules and routes, which records what else it is asked to do. */
class Machine implements Tools {
  readonly commands: string[] = [];
  rules: unknown[] = [];
  routes: unknown[] = [];
  /** Prefix of a command that fails. */
  fails = "none";

  has(program: string): boolean {
    return program === "nft" || program === "ip";
  }

  run({ program, args, input = "" }: Command): Promise<string> {
    if (args.includes("-json")) {
      return Promise.resolve(`${JSON.stringify(this.rules)}\n${JSON.stringify(this.routes)}\n`);
    }
    if (args.includes("list")) return Promise.resolve("");
    const command = `${program} ${args[0]} ${input.split("\n").slice(0, -1).join("; ").slice(0, 60)}`;
    this.commands.push(command);
    return command.startsWith(this.fails) ? Promise.reject(new RulesError("refused")) : Promise.resolve("");
  }
}

const WORDS = "fwmark 6522 lookup 6521000 priority 6521 protocol 65",
  LOCAL = "local default dev lo table 6521000 proto 65";

Deno.test("only what is missing of the route is added, and a second rule removed", async () => {
  const machine = new Machine();
  const changes = async (rules: unknown[], routes: unknown[]) => {
    Object.assign(machine, { rules, routes });
    const route = await MarkedRoute.read(machine, ["ipv4"]);
    return [route.applyCommands(["ipv4"]), route.applyCommands([]), route.removeCommands()]
      .map((commands) => commands.map(({ args, input }) => `${args[0]} ${input}`));
  };
  const other = { ...RULE, fwmark: "0x1" }, theirs = { ...ROUTE, table: "100" };
  assertEquals(await changes([other], [theirs]), [[`-4 route add ${LOCAL}\nrule add ${WORDS}\n`], [], []]);
  assertEquals(await changes([RULE], [theirs]), [[`-4 route add ${LOCAL}\n`], [], [`-4 rule del ${WORDS}\n`]]);
  assertEquals(await changes([RULE, RULE], [ROUTE]), [
    [`-4 rule del ${WORDS}\n`],
    [],
    [`-4 rule del ${WORDS}\nrule del ${WORDS}\nroute del ${LOCAL}\n`],
  ]);
  assertEquals(await changes([RULE], [ROUTE]), [[], [], [`-4 rule del ${WORDS}\nroute del ${LOCAL}\n`]]);
});

Deno.test("the route comes before the rules that mark, and goes with them if they are refused", async () => {
  const machine = new Machine();
  machine.fails = "nft -f table inet micss; delete table inet micss; table inet";
  const { ruleset } = client(`${WEB} --udp-tproxy 0.0.0.0 --take-udp 0.0.0.0/0 --exempt-uid 990`);
  await assertRejects(() => putRules(ruleset, new NftBackend(machine), machine), RulesError, "refused");
  assertEquals(machine.commands.map((command) => command.split(" ").slice(0, 4).join(" ")), [
    "ip -4 route add",
    "nft -f table inet",
  ]);
  // As after a first command that worked.
  Object.assign(machine, { commands: [], rules: [], routes: [] });
  const run = machine.run.bind(machine);
  machine.run = (command) => {
    if (command.program === "ip" && !command.args.includes("-json") && command.args[0] === "-4") {
      const added = command.input?.includes("add") ?? false;
      Object.assign(machine, { rules: added ? [RULE] : [], routes: added ? [ROUTE] : [] });
    }
    return run(command);
  };
  await assertRejects(() => putRules(ruleset, new NftBackend(machine), machine), RulesError, "refused");
  assertEquals(machine.commands.map((command) => command.split(" ").slice(0, 4).join(" ")), [
    "ip -4 route add",
    "nft -f table inet",
    "ip -4 rule del",
    "ip -6 rule del",
  ]);
});

Deno.test("without iproute2 rules for UDP are refused, and those for TCP are not", async () => {
  const machine = new Machine();
  machine.has = (program) => program === "nft";
  const put = (flags: string) => putRules(client(flags).ruleset, new NftBackend(machine), machine);
  await assertRejects(() => put(`${UDP} --take-udp *:53`), RulesError, "rules for UDP need ip; install iproute2");
  await put(`${WEB} --redirect [::]`);
  assertEquals(machine.commands.length, 1);
});

/** Rules in the tools' notation. */
import { assertEquals, assertMatch } from "@std/assert";
import { nftRemoval, nftRestoration, nftScript } from "../../src/rules/nft.ts";
import { shellScript } from "../../src/rules/mod.ts";
import { xtablesRemoval, xtablesRestoration, xtablesScript } from "../../src/rules/xtables.ts";
import { isPresent, readXtables } from "../../src/rules/xtables_state.ts";
import { client, server, WEB } from "./plans.ts";

const RULES = client(`${WEB} --redirect [::] --take *:80 --take-user bob --take-from eth1 --exempt-uid 990`).ruleset;
const SERVER = server("--channel 192.0.2.1 --channel [2001:db8::1]:7000 --target 80=127.0.0.1 --rate 50");

Deno.test("a client's rules for nft", () => {
  assertEquals(
    nftScript(RULES),
    `table inet micss
delete table inet micss
table inet micss {
  chain output {
    type nat hook output priority -101; policy accept;
    meta l4proto != tcp return
    # Sentinels: the handler detects by these that the rules work
    ip daddr 127.6.5.22 tcp dport 1 redirect to :6522
    meta nfproto ipv4 tcp sport 6458-6521 redirect to :6522
    ip6 daddr ::1 tcp dport 1 redirect to :6522
    meta nfproto ipv6 tcp sport 6458-6521 redirect to :6522
    # The handler's own connections
    meta skuid 990 return
    # Local destinations, including the handler's listeners
    fib daddr type local return
    # Channels of web
    ip daddr 192.0.2.1 tcp dport 6522 return
    ip daddr 192.0.2.2 tcp dport 6000 return
    ip6 daddr 2001:db8::1 tcp dport 6522 return
    # Redirected: any host, port 80, of user bob
    meta nfproto ipv4 meta skuid 1001 tcp dport 80 redirect to :6522
    meta nfproto ipv6 meta skuid 1001 tcp dport 80 redirect to :6522
  }
  chain prerouting {
    type nat hook prerouting priority -101; policy accept;
    meta l4proto != tcp return
    # Local destinations, including the handler's listeners
    fib daddr type local return
    # Channels of web
    ip daddr 192.0.2.1 tcp dport 6522 return
    ip daddr 192.0.2.2 tcp dport 6000 return
    ip6 daddr 2001:db8::1 tcp dport 6522 return
    # Redirected: any host, port 80
    meta nfproto ipv4 iifname "eth1" tcp dport 80 redirect to :6522
    meta nfproto ipv6 iifname "eth1" tcp dport 80 redirect to :6522
  }
}
`,
  );
});

const NOTHING = readXtables("nat", "");

Deno.test("a client's rules for ip6tables, on a machine without rules", () => {
  assertEquals(
    xtablesScript(RULES, "nat", "ipv6", NOTHING, ["table", "OUTPUT", "PREROUTING"]),
    `*nat
:MICSS_OUTPUT - [0:0]
# No effect on packets; read when the rules are removed
-A MICSS_OUTPUT -m comment --comment "micss made: table OUTPUT PREROUTING"
# Sentinels: the handler detects by these that the rules work
-A MICSS_OUTPUT -d ::1 -p tcp --dport 1 -j REDIRECT --to-ports 6522
-A MICSS_OUTPUT -p tcp --sport 6458:6521 -j REDIRECT --to-ports 6522
# The handler's own connections
-A MICSS_OUTPUT -p tcp -m owner --uid-owner 990 -j RETURN
# Local destinations, including the handler's listeners
-A MICSS_OUTPUT -p tcp -m addrtype --dst-type LOCAL -j RETURN
# Channels of web
-A MICSS_OUTPUT -d 2001:db8::1 -p tcp --dport 6522 -j RETURN
# Redirected: any host, port 80, of user bob
-A MICSS_OUTPUT -p tcp --dport 80 -m owner --uid-owner 1001 -j REDIRECT --to-ports 6522
-I OUTPUT 1 -p tcp -j MICSS_OUTPUT
:MICSS_PREROUTING - [0:0]
# Local destinations, including the handler's listeners
-A MICSS_PREROUTING -p tcp -m addrtype --dst-type LOCAL -j RETURN
# Channels of web
-A MICSS_PREROUTING -d 2001:db8::1 -p tcp --dport 6522 -j RETURN
# Redirected: any host, port 80
-A MICSS_PREROUTING -i eth1 -p tcp --dport 80 -j REDIRECT --to-ports 6522
-I PREROUTING 1 -p tcp -j MICSS_PREROUTING
COMMIT
`,
  );
});

Deno.test("a server's rules", () => {
  const nft = nftScript(SERVER).split("\n").slice(4, -3).filter((line) => !line.includes("#"));
  assertEquals(nft.map((line) => line.trim()), [
    "type filter hook input priority 0; policy accept;",
    "meta l4proto != tcp return",
    "tcp flags & (fin | syn | rst | ack) != syn return",
    "ip daddr 192.0.2.1 tcp dport 6522 limit rate 50/second burst 50 packets return",
    "ip6 daddr 2001:db8::1 tcp dport 7000 limit rate 50/second burst 50 packets return",
    "tcp dport 6522 drop",
    "tcp dport 7000 drop",
  ]);
  const ipv4 = xtablesScript(SERVER, "filter", "ipv4", readXtables("filter", ""))!.split("\n");
  assertEquals(ipv4.filter((line) => !line.startsWith("#")), [
    "*filter",
    ":MICSS_INPUT - [0:0]",
    "-A MICSS_INPUT -p tcp ! --syn -j RETURN",
    "-A MICSS_INPUT -d 192.0.2.1 -p tcp --dport 6522 -m limit --limit 50/second --limit-burst 50 -j RETURN",
    "-A MICSS_INPUT -p tcp --dport 6522 -j DROP",
    "-A MICSS_INPUT -p tcp --dport 7000 -j DROP",
    "-I INPUT 1 -p tcp -j MICSS_INPUT",
    "COMMIT",
    "",
  ]);
});

Deno.test("each worker of a server has its port in the rules", () => {
  const flags = "--channel 192.0.2.1 --channel 192.0.2.2:7000 --target 80=127.0.0.1 --workers 2 --rate 50";
  const lines = nftScript(server(flags)).split("\n").map((line) => line.trim()).filter((line) => /dport/.test(line));
  assertEquals(lines, [
    ...[6522, 6523].map((port) => `ip daddr 192.0.2.1 tcp dport ${port} limit rate 50/second burst 50 packets return`),
    ...[7000, 7001].map((port) => `ip daddr 192.0.2.2 tcp dport ${port} limit rate 50/second burst 50 packets return`),
    ...[6522, 6523, 7000, 7001].map((port) => `tcp dport ${port} drop`),
  ]);
});

Deno.test("a channel at a wildcard address has no address in its rule", () => {
  const flags = "--channel 0.0.0.0:1 --channel [::]:2 --target 80=127.0.0.1";
  const lines = nftScript(server(flags)).split("\n").map((line) => line.trim());
  assertEquals(lines.filter((line) => line.includes("limit")), [
    "meta nfproto ipv4 tcp dport 1 limit rate 1000/second burst 1000 packets return",
    "tcp dport 2 limit rate 1000/second burst 1000 packets return",
  ]);
});

const SAVED = `# Generated by iptables-save v1.8.9 on Sun Nov 22 09:51:22 2026
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p udp -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:MICSS_OUTPUT - [0:0]
:MICSS_OUTPUT2 - [0:0]
-A OUTPUT -d 203.0.113.9/32 -j RETURN
-A OUTPUT -p tcp -j MICSS_OUTPUT
-A MICSS_OUTPUT -m comment --comment "micss made: OUTPUT"
-A MICSS_OUTPUT -p tcp -j REDIRECT --to-ports 6522
-A MICSS_OUTPUT2 -j RETURN
COMMIT
`;

/** The same with the jump to our chain before the others' rules. */
const FIRST = SAVED.replace(/(-A OUTPUT -d .*\n)(-A OUTPUT -p .*\n)/, "$2$1");

Deno.test("our chains are recognized in the output of iptables-save", () => {
  const state = readXtables("nat", SAVED);
  assertEquals(state, {
    table: true,
    chains: new Map([["MICSS_OUTPUT", [
      '-A MICSS_OUTPUT -m comment --comment "micss made: OUTPUT"',
      "-A MICSS_OUTPUT -p tcp -j REDIRECT --to-ports 6522",
    ]]]),
    jumps: new Map([["OUTPUT", 1]]),
    first: new Set<string>(),
    created: ["OUTPUT"],
  });
  assertEquals([isPresent(state), isPresent(NOTHING), isPresent(readXtables("filter", SAVED))], [true, false, false]);
});

Deno.test("existing rules are replaced without a second jump, keeping the record and removing unused chains", () => {
  const state = readXtables("nat", FIRST);
  const one = client("--server web=192.0.2.1,192.0.2.2 --redirect 0.0.0.0").ruleset;
  const lines = xtablesScript(one, "nat", "ipv4", state, ["PREROUTING"])!.split("\n");
  assertEquals(lines.filter((line) => /^-[ID]/.test(line)), []);
  assertEquals(lines.filter((line) => line.includes("made")), [
    '-A MICSS_OUTPUT -m comment --comment "micss made: OUTPUT"',
  ]);
  // IPv6 is no longer redirected.
  assertEquals(xtablesScript(one, "nat", "ipv6", state), xtablesRemoval("nat", state));
  assertEquals(xtablesScript(one, "nat", "ipv6", NOTHING), undefined);
});

Deno.test("a jump behind other rules, or a duplicate, is replaced by one in front", () => {
  const one = client("--server web=192.0.2.1,192.0.2.2 --redirect 0.0.0.0").ruleset;
  const jumps = (saved: string) =>
    xtablesScript(one, "nat", "ipv4", readXtables("nat", saved))!.match(/^-[ID] .*$/gm) ?? [];
  const [gone, put] = ["-D OUTPUT -p tcp -j MICSS_OUTPUT", "-I OUTPUT 1 -p tcp -j MICSS_OUTPUT"];
  assertEquals(readXtables("nat", FIRST).first, new Set(["OUTPUT"]));
  assertEquals(jumps(FIRST), []);
  assertEquals(jumps(SAVED), [gone, put]);
  assertEquals(jumps(FIRST.replace(/^-A OUTPUT -p tcp.*\n/m, "$&$&")), [gone, gone, put]);
  assertEquals(jumps(""), [put]);
});

Deno.test("removing undoes applying and nothing else", () => {
  const state = readXtables("nat", SAVED);
  assertEquals(
    xtablesRemoval("nat", state),
    "*nat\n-D OUTPUT -p tcp -j MICSS_OUTPUT\n-F MICSS_OUTPUT\n-X MICSS_OUTPUT\nCOMMIT\n",
  );
  assertEquals(xtablesRemoval("nat", NOTHING), undefined);
  const twice = SAVED.replace(/^-A OUTPUT -p tcp.*\n/m, "$&$&");
  assertEquals(xtablesRemoval("nat", readXtables("nat", twice))!.match(/^-D OUTPUT/gm)?.length, 2);
  assertEquals(nftRemoval("client"), "delete table inet micss\n");
  assertEquals(nftRemoval("server"), "delete table inet micss_server\n");
});

Deno.test("an earlier state can be restored from any present state", () => {
  const before = readXtables("nat", SAVED);
  const rules = [...before.chains.values()].flat().join("\n");
  assertEquals(
    xtablesRestoration("nat", before, NOTHING),
    `*nat\n:MICSS_OUTPUT - [0:0]\n${rules}\n-I OUTPUT 1 -p tcp -j MICSS_OUTPUT\nCOMMIT\n`,
  );
  assertEquals(
    xtablesRestoration("nat", before, readXtables("nat", FIRST)),
    `*nat\n:MICSS_OUTPUT - [0:0]\n${rules}\nCOMMIT\n`,
  );
  assertEquals(xtablesRestoration("nat", NOTHING, before), xtablesRemoval("nat", before));
  assertEquals(xtablesRestoration("nat", NOTHING, NOTHING), undefined);
  assertEquals(
    nftRestoration("client", "table inet micss {\n}\n"),
    "table inet micss\ndelete table inet micss\ntable inet micss {\n}\n",
  );
});

Deno.test("users' text reaches a rule only as a number, a network, or a name within a comment", () => {
  const nasty = ["eth0;flush ruleset", "a b", "-j", 'x"', "x\ny", "$(id)", "*:80 -j ACCEPT", "10.0.0.0/8;", "a`id`"];
  for (const text of nasty) {
    for (
      const flag of ["take", "take-udp", "take-user", "take-from", "exempt", "exempt-uid", "exempt-gid", "flavour"]
    ) {
      let message = "";
      try {
        client(
          "",
          `servers: {web: [192.0.2.1, 192.0.2.2]}\nredirect: ["[::]"]\nrules: {${flag}: ${yamlOf(flag, text)}}`,
        );
      } catch (error) {
        message = String(error);
      }
      assertMatch(message, /^UsageError: /, `${flag} ${text}`);
    }
  }
});

function yamlOf(flag: string, text: string): string {
  return flag === "flavour" ? JSON.stringify(text) : JSON.stringify([text]);
}

Deno.test("commands are printed as an equivalent shell script", () => {
  const script = shellScript([
    { program: "nft", args: ["-f", "-"], input: "table inet micss {}\n" },
    { program: "xtables-nft-multi", args: ["iptables-restore", "--noflush"], input: "*nat\nCOMMIT\n" },
  ]);
  assertEquals(
    script,
    "nft -f - <<'END'\ntable inet micss {}\nEND\n\nxtables-nft-multi iptables-restore --noflush <<'END'\n*nat\nCOMMIT\nEND\n",
  );
});

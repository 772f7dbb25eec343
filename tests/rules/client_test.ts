import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/config/problems.ts";
import { nftScript } from "../../src/rules/nft.ts";
import type { Chain } from "../../src/rules/ruleset.ts";
import { client, names, WEB } from "./plans.ts";

const ALL = `${WEB} --redirect [::]:6522`;

/** The sentinels, by which the handler detects rules. */
const SIGNS = /^(ip6? daddr (127\.6\.5\.22|::1) tcp dport 1|meta nfproto ipv[46] tcp sport 6458-6521) redirect to /;

/** The rules for this machine's own connections in nft's notation, without those that every plan has. */
function rulesOf(flags: string, yaml?: string, machine = names()): string[] {
  const lines = nftScript(client(flags, yaml, machine).ruleset).split("\n").map((line) => line.trim());
  const chain = lines.slice(lines.indexOf("chain output {") + 3);
  return chain.slice(0, chain.indexOf("}")).filter((line) => !/^(#|fib )/.test(line) && !SIGNS.test(line));
}

const CHANNELS = [
  "ip daddr 192.0.2.1 tcp dport 6522 return",
  "ip daddr 192.0.2.2 tcp dport 6000 return",
  "ip6 daddr 2001:db8::1 tcp dport 6522 return",
];

const HOSTS = ["ip daddr 192.0.2.1", "ip daddr 192.0.2.2", "ip6 daddr 2001:db8::1"];

Deno.test("by default a server's addresses are redirected at every port, except for the channels", () => {
  assertEquals(rulesOf(ALL), [...CHANNELS, ...HOSTS.map((host) => `meta l4proto tcp ${host} redirect to :6522`)]);
});

Deno.test("sentinels come first, for each redirected version of IP", () => {
  const signs = (flags: string) => {
    const [{ rules }] = client(`${flags} --exempt-uid 990`).ruleset.chains as [Chain];
    return rules.flatMap((rule, at) => rule.sentinel ? [`${at} ${rule.to?.host ?? rule.family} ${rule.toPort}`] : []);
  };
  assertEquals(signs(ALL), ["0 127.6.5.22 1", "1 ipv4 undefined", "2 ::1 1", "3 ipv6 undefined"]);
  assertEquals(signs(`${ALL} --take 0.0.0.0/0:80`), ["0 127.6.5.22 1", "1 ipv4 undefined"]);
  assertEquals(signs(`${ALL} --take [::]/0:80`), ["0 ::1 1", "1 ipv6 undefined"]);
});

Deno.test("only the ports that a server serves are redirected", () => {
  const yaml = `servers: {web: {channels: [192.0.2.1, 192.0.2.2], ports: [80, 443]}}\nredirect: ["0.0.0.0:7000"]`;
  assertEquals(rulesOf("", yaml).slice(2), [
    "ip daddr 192.0.2.1 tcp dport 80 redirect to :7000",
    "ip daddr 192.0.2.1 tcp dport 443 redirect to :7000",
    "ip daddr 192.0.2.2 tcp dport 80 redirect to :7000",
    "ip daddr 192.0.2.2 tcp dport 443 redirect to :7000",
  ]);
});

Deno.test("a server's name stands for all its addresses, and a key for its scope", () => {
  const yaml = `servers: {web: [a.example, 192.0.2.2]}\nredirect: ["[::]"]\n` +
    `keys: {"198.51.100.0/24:7000": k, "203.0.113.5": [k, l]}`;
  assertEquals(rulesOf("", yaml), [
    "ip daddr 192.0.2.7 tcp dport 6522 return",
    "ip6 daddr 2001:db8::7 tcp dport 6522 return",
    "ip daddr 192.0.2.2 tcp dport 6522 return",
    "ip daddr 198.51.100.0/24 tcp dport 7000 return",
    "ip daddr 203.0.113.5 tcp dport 6522 return",
    "meta l4proto tcp ip daddr 192.0.2.7 redirect to :6522",
    "meta l4proto tcp ip6 daddr 2001:db8::7 redirect to :6522",
    "meta l4proto tcp ip daddr 192.0.2.2 redirect to :6522",
    "meta l4proto tcp ip daddr 198.51.100.0/24 redirect to :6522",
    "meta l4proto tcp ip daddr 203.0.113.5 redirect to :6522",
  ]);
});

Deno.test("each kind of selector is translated to its rules", () => {
  const cases: [string, string[]][] = [
    ["--take *:80", [
      "meta nfproto ipv4 tcp dport 80 redirect to :6522",
      "meta nfproto ipv6 tcp dport 80 redirect to :6522",
    ]],
    ["--take *", [
      "meta l4proto tcp meta nfproto ipv4 redirect to :6522",
      "meta l4proto tcp meta nfproto ipv6 redirect to :6522",
    ]],
    ["--take servers:25", HOSTS.map((host) => `${host} tcp dport 25 redirect to :6522`)],
    ["--take 198.51.100.0/24:443", ["ip daddr 198.51.100.0/24 tcp dport 443 redirect to :6522"]],
    ["--take [2001:db8:1::]/48", ["meta l4proto tcp ip6 daddr 2001:db8:1::/48 redirect to :6522"]],
    ["--take 203.0.113.1:80 --take [2001:db8::9]:80", [
      "ip daddr 203.0.113.1 tcp dport 80 redirect to :6522",
      "ip6 daddr 2001:db8::9 tcp dport 80 redirect to :6522",
    ]],
    ["--take 203.0.113.1:80 --take-user bob --take-user 1002", [
      "meta skuid 1001 ip daddr 203.0.113.1 tcp dport 80 redirect to :6522",
      "meta skuid 1002 ip daddr 203.0.113.1 tcp dport 80 redirect to :6522",
    ]],
  ];
  for (const [flags, rules] of cases) assertEquals(rulesOf(`${ALL} ${flags}`), [...CHANNELS, ...rules], flags);
});

Deno.test("the file and the flags are equivalent", () => {
  const yaml = `servers: {web: [192.0.2.1, 192.0.2.2]}\nredirect: ["[::]"]\n` +
    `rules: {take: ["*:80"], take-user: [bob], exempt: [10.0.0.0/8], exempt-uid: ["990"], exempt-gid: ["991"]}`;
  const flags = "--server web=192.0.2.1,192.0.2.2 --redirect [::] --take *:80 --take-user bob --exempt 10.0.0.0/8 " +
    "--exempt-uid 990 --exempt-gid 991";
  assertEquals(client("", yaml), client(flags));
});

Deno.test("exempt users come first, and exempt destinations before redirected ones", () => {
  const rules = rulesOf(`${ALL} --take *:80 --exempt-uid 990 --exempt-gid 7 --exempt 10.0.0.0/8 --exempt *:81`);
  assertEquals(rules.slice(0, 2), ["meta skuid 990 return", "meta skgid 7 return"]);
  assertEquals(rules.slice(5, 8), [
    "ip daddr 10.0.0.0/8 return",
    "meta nfproto ipv4 tcp dport 81 return",
    "meta nfproto ipv6 tcp dport 81 return",
  ]);
});

Deno.test("without a given user the packaged one is exempt, or else the channels only", () => {
  assertEquals(rulesOf(ALL, undefined, names({ packaged: true }))[0], "meta skuid 990 return");
  assertEquals(client(ALL, undefined, names({ packaged: true })).notes, []);
  assertEquals(rulesOf(`${ALL} --exempt-uid bob`, undefined, names({ packaged: true }))[0], "meta skuid 1001 return");
  assertEquals(client(ALL).notes.map((note) => note.split(" (")[0]), ["only the configured channels are exempt"]);
});

Deno.test("exempting root causes a note", () => {
  for (const flag of ["--exempt-uid root", "--exempt-uid 0", "--exempt-gid 0"]) {
    const [note] = client(`${ALL} ${flag}`).notes;
    assertEquals(note?.split(";")[0], "root is exempt: root's connections are not redirected", flag);
  }
});

Deno.test("a channel at a port that its server serves is distinguished by the user alone", () => {
  const yaml = `servers: {web: {channels: ["192.0.2.1:443", "192.0.2.2:443"], ports: [443]}}\nredirect: ["[::]"]`;
  assertEquals(rulesOf("--exempt-uid 990", yaml), [
    "meta skuid 990 return",
    "ip daddr 192.0.2.1 tcp dport 443 redirect to :6522",
    "ip daddr 192.0.2.2 tcp dport 443 redirect to :6522",
  ]);
});

Deno.test("a gateway's chain redirects by interface, for all users", () => {
  const { ruleset, notes } = client(`${ALL} --take *:80 --take-user bob --take-from eth1 --exempt-uid 990`);
  assertEquals(ruleset.chains.map(({ hook }) => hook), ["output", "prerouting"]);
  const script = nftScript(ruleset);
  const chain = script.slice(script.indexOf("chain prerouting")).split("\n").filter((line) =>
    line.includes("redirect")
  );
  assertEquals(chain.map((line) => line.trim()), [
    'meta nfproto ipv4 iifname "eth1" tcp dport 80 redirect to :6522',
    'meta nfproto ipv6 iifname "eth1" tcp dport 80 redirect to :6522',
  ]);
  assertEquals(notes.length, 1);
});

Deno.test("each version of IP goes to the port of a redirect address that accepts it", () => {
  const port = (redirects: string, take: string) =>
    rulesOf(`${WEB} ${redirects} --take ${take}`).at(-1)?.split(":").at(-1);
  assertEquals(port("--redirect 127.0.0.1:1 --redirect [::1]:2", "*:80"), "2");
  assertEquals(port("--redirect 127.0.0.1:1 --redirect [::1]:2", "0.0.0.0/0:80"), "1");
  assertEquals(port("--redirect 10.0.0.1:3 --redirect [::]:2", "0.0.0.0/0:80"), "2");
});

Deno.test("a configuration that can't be turned into rules gets one line with the remedy", () => {
  const four = "--server web=192.0.2.1,192.0.2.2";
  const cases: [string, string][] = [
    [
      `${WEB} --redirect 0.0.0.0`,
      "web at 2001:db8::1 would bypass the handler over IPv6, which no redirect address accepts; " +
      "let one be at [::], which accepts both",
    ],
    [
      `${four} --redirect 0.0.0.0 --take *:80`,
      "any host, port 80 would bypass the handler over IPv6, which no redirect address accepts; " +
      "let one be at [::], which accepts both, or take 0.0.0.0/0 instead of *",
    ],
    [
      `${four} --redirect [::1]`,
      "web at 192.0.2.1 would bypass the handler over IPv4, which no redirect address accepts; " +
      "let one be at [::], which accepts both",
    ],
    [
      `${four} --forward 127.0.0.1:1=web:80`,
      "no redirect address; give --redirect, such as 0.0.0.0:6522",
    ],
    [`${four} --redirect 0.0.0.0:0`, "a redirect at port 0 gets a different port each time; give it a fixed one"],
    [
      `${four} --redirect 10.0.0.1`,
      "rules can't reach any redirect address; let one be at 0.0.0.0, [::] or loopback",
    ],
    [
      `${four} --redirect 127.0.0.1 --take-from eth0`,
      "rules can't reach any redirect address; let one be at 0.0.0.0 or [::]",
    ],
    [
      `${four} --redirect 0.0.0.0 --exempt-uid unknown-user`,
      '--exempt-uid "unknown-user": no such user in /etc/passwd; give an existing one or a number',
    ],
    [
      `${four} --redirect 0.0.0.0 --exempt-gid staff`,
      '--exempt-gid "staff": no such group in /etc/group; give an existing one or a number',
    ],
    [
      `${four} --redirect 0.0.0.0 --take-user bob --exempt-uid 1001`,
      "user bob is both taken and exempt; drop one of the two",
    ],
    [
      `${four} --redirect 0.0.0.0 --unknown direct`,
      "with unknown: direct, the handler's own connections would be redirected back to it; give --exempt-uid",
    ],
    [
      "--server web=b.example,192.0.2.1 --redirect 0.0.0.0",
      "b.example does not resolve; give a name that does, or an address",
    ],
  ];
  for (const [flags, line] of cases) {
    const error = assertThrows(() => client(flags), UsageError);
    assertEquals(error.lines, [`micss rules: ${line}`], flags);
  }
});

import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/config/problems.ts";
import { nftScript } from "../../src/rules/nft.ts";
import type { Chain } from "../../src/rules/ruleset.ts";
import { client, names, WEB } from "./plans.ts";

const ALL = `${WEB} --redirect [::]:6522`;

/** What the handler sees rules by. */
const SIGNS = /^(ip6? daddr (127\.6\.5\.22|::1) tcp dport 1|meta nfproto ipv[46] tcp sport 6458-6521) redirect to /;

/** The rules of a plan's chain for this machine's own connections, as nft has them, without what is always there. */
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

Deno.test("by default a server's addresses are taken, at every port, but for the channels themselves", () => {
  assertEquals(rulesOf(ALL), [...CHANNELS, ...HOSTS.map((host) => `meta l4proto tcp ${host} redirect to :6522`)]);
});

Deno.test("before all else comes what shows the handler its rules, for each version of IP that is taken", () => {
  const signs = (flags: string) => {
    const [{ rules }] = client(`${flags} --exempt-uid 990`).ruleset.chains as [Chain];
    return rules.flatMap((rule, at) => rule.sign ? [`${at} ${rule.to?.host ?? rule.family} ${rule.toPort}`] : []);
  };
  assertEquals(signs(ALL), ["0 127.6.5.22 1", "1 ipv4 undefined", "2 ::1 1", "3 ipv6 undefined"]);
  assertEquals(signs(`${ALL} --take 0.0.0.0/0:80`), ["0 127.6.5.22 1", "1 ipv4 undefined"]);
  assertEquals(signs(`${ALL} --take [::]/0:80`), ["0 ::1 1", "1 ipv6 undefined"]);
});

Deno.test("of a server that serves some ports these alone are taken", () => {
  const yaml = `servers: {web: {channels: [192.0.2.1, 192.0.2.2], ports: [80, 443]}}\nredirect: ["0.0.0.0:7000"]`;
  assertEquals(rulesOf("", yaml).slice(2), [
    "ip daddr 192.0.2.1 tcp dport 80 redirect to :7000",
    "ip daddr 192.0.2.1 tcp dport 443 redirect to :7000",
    "ip daddr 192.0.2.2 tcp dport 80 redirect to :7000",
    "ip daddr 192.0.2.2 tcp dport 443 redirect to :7000",
  ]);
});

Deno.test("a server's name stands for all its addresses, and a key for where its servers are", () => {
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

Deno.test("each way to say what is taken has its rules", () => {
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

Deno.test("the file says what the flags say", () => {
  const yaml = `servers: {web: [192.0.2.1, 192.0.2.2]}\nredirect: ["[::]"]\n` +
    `rules: {take: ["*:80"], take-user: [bob], exempt: [10.0.0.0/8], exempt-uid: ["990"], exempt-gid: ["991"]}`;
  const flags = "--server web=192.0.2.1,192.0.2.2 --redirect [::] --take *:80 --take-user bob --exempt 10.0.0.0/8 " +
    "--exempt-uid 990 --exempt-gid 991";
  assertEquals(client("", yaml), client(flags));
});

Deno.test("whoever is exempt comes first, and what is exempt before what is taken", () => {
  const rules = rulesOf(`${ALL} --take *:80 --exempt-uid 990 --exempt-gid 7 --exempt 10.0.0.0/8 --exempt *:81`);
  assertEquals(rules.slice(0, 2), ["meta skuid 990 return", "meta skgid 7 return"]);
  assertEquals(rules.slice(5, 8), [
    "ip daddr 10.0.0.0/8 return",
    "meta nfproto ipv4 tcp dport 81 return",
    "meta nfproto ipv6 tcp dport 81 return",
  ]);
});

Deno.test("the user that packages make is exempt where nobody is named, and nobody but for the channels where it is not", () => {
  assertEquals(rulesOf(ALL, undefined, names({ packaged: true }))[0], "meta skuid 990 return");
  assertEquals(client(ALL, undefined, names({ packaged: true })).notes, []);
  assertEquals(rulesOf(`${ALL} --exempt-uid bob`, undefined, names({ packaged: true }))[0], "meta skuid 1001 return");
  assertEquals(client(ALL).notes.map((note) => note.split(" (")[0]), ["only the configured channels are exempt"]);
});

Deno.test("that root is exempt is said", () => {
  for (const flag of ["--exempt-uid root", "--exempt-uid 0", "--exempt-gid 0"]) {
    const [note] = client(`${ALL} ${flag}`).notes;
    assertEquals(note?.split(";")[0], "root is exempt: none of root's connections is taken", flag);
  }
});

Deno.test("a channel at a port that its server serves is told apart by the user alone", () => {
  const yaml = `servers: {web: {channels: ["192.0.2.1:443", "192.0.2.2:443"], ports: [443]}}\nredirect: ["[::]"]`;
  assertEquals(rulesOf("--exempt-uid 990", yaml), [
    "meta skuid 990 return",
    "ip daddr 192.0.2.1 tcp dport 443 redirect to :6522",
    "ip daddr 192.0.2.2 tcp dport 443 redirect to :6522",
  ]);
});

Deno.test("a gateway's chain takes by device, from everybody", () => {
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

Deno.test("the port is that of the redirect which takes each version of IP", () => {
  const port = (redirects: string, take: string) =>
    rulesOf(`${WEB} ${redirects} --take ${take}`).at(-1)?.split(":").at(-1);
  assertEquals(port("--redirect 127.0.0.1:1 --redirect [::1]:2", "*:80"), "2");
  assertEquals(port("--redirect 127.0.0.1:1 --redirect [::1]:2", "0.0.0.0/0:80"), "1");
  assertEquals(port("--redirect 10.0.0.1:3 --redirect [::]:2", "0.0.0.0/0:80"), "2");
});

Deno.test("a configuration that no rules can be made of gets one line that says what would be right", () => {
  const four = "--server web=192.0.2.1,192.0.2.2";
  const cases: [string, string][] = [
    [
      `${WEB} --redirect 0.0.0.0`,
      "web at 2001:db8::1 is to be taken over IPv6, and would pass by the handler: no redirect takes that; " +
      "let it listen at [::], which takes both",
    ],
    [
      `${four} --redirect 0.0.0.0 --take *:80`,
      "any host, port 80 is to be taken over IPv6, and would pass by the handler: no redirect takes that; " +
      "let it listen at [::], which takes both, or take 0.0.0.0/0 instead of *",
    ],
    [
      `${four} --redirect [::1]`,
      "web at 192.0.2.1 is to be taken over IPv4, and would pass by the handler: no redirect takes that; " +
      "let it listen at [::], which takes both",
    ],
    [
      `${four} --forward 127.0.0.1:1=web:80`,
      "no redirect to send connections to; give --redirect, such as 0.0.0.0:6522",
    ],
    [`${four} --redirect 0.0.0.0:0`, "a redirect at port 0 is at another port each time; give it a fixed one"],
    [
      `${four} --redirect 10.0.0.1`,
      "no redirect that rules can send to; let one listen at 0.0.0.0, [::] or loopback",
    ],
    [
      `${four} --redirect 127.0.0.1 --take-from eth0`,
      "no redirect that rules can send to; let one listen at 0.0.0.0 or [::]",
    ],
    [
      `${four} --redirect 0.0.0.0 --exempt-uid nobody-here`,
      '--exempt-uid "nobody-here": no such user in /etc/passwd; give one that is, or a number',
    ],
    [
      `${four} --redirect 0.0.0.0 --exempt-gid staff`,
      '--exempt-gid "staff": no such group in /etc/group; give one that is, or a number',
    ],
    [
      `${four} --redirect 0.0.0.0 --take-user bob --exempt-uid 1001`,
      "user bob is both taken and exempt; drop one of the two",
    ],
    [
      `${four} --redirect 0.0.0.0 --unknown direct`,
      "with unknown: direct the handler connects to anywhere, and the rules would send it back to itself; give --exempt-uid",
    ],
    [
      "--server web=b.example,192.0.2.1 --redirect 0.0.0.0",
      "b.example has no address now; give one that resolves, or an address",
    ],
  ];
  for (const [flags, line] of cases) {
    const error = assertThrows(() => client(flags), UsageError);
    assertEquals(error.lines, [`micss rules: ${line}`], flags);
  }
});

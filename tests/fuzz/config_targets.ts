/** Input from users: files, flags, addresses, keys. */
import { assert, assertEquals } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { estimateSyntax } from "../../src/config/estimate.ts";
import { locator } from "../../src/config/position.ts";
import { UsageError } from "../../src/config/problems.ts";
import { covers, formatScope, parseScope } from "../../src/config/scope.ts";
import { durationSyntax } from "../../src/config/syntax.ts";
import { EntryError, entryFromJson, entryToJson } from "../../src/identify/entry.ts";
import { formatEntries, parseEntries } from "../../src/identify/entry_file.ts";
import { formatKey, parseKey } from "../../src/identify/key.ts";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import {
  bytesHost,
  canonicalHost,
  hostBytes,
  isIpv4,
  isIpv6,
  isWithin,
  parseSubnet,
  withoutZone,
} from "../../src/net/ip.ts";
import { readSockaddr, SOCKADDR_SIZE, writeSockaddr } from "../../src/net/linux/sockaddr.ts";
import { taken, type Target, textTarget } from "./target.ts";

const SERVER = `channels: [192.0.2.10, "198.51.100.10:7000", "[2001:db8::10]"]
targets:
  80: 127.0.0.1:8080,proxy
  "*": localhost
limits: {waiting: 10, accept-rate: 0, streams: 128, credit: 65536}
timeouts: {handshake: 1.5s, drain: 1h}
log: {level: debug, format: json}
`;
const CLIENT = `servers:
  web: [192.0.2.10, 198.51.100.10]
  db:
    channels:
      - a
      - "[::1]:7000"
    ports: [80, 443]
forward: [127.0.0.1:8080=web:80]
redirect: ["[::]:6522"]
socks5: [127.0.0.1:1080]
keys: {192.0.2.0/24: server.key.pub, "[2001:db8::]/32:7000": [a, b]}
warm: 0
associations: per-session
`;
const YAML = [
  ":",
  ": ",
  "- ",
  "\n",
  "\n  ",
  "[",
  "]",
  "{",
  "}",
  ", ",
  '"',
  "'",
  "#",
  " #",
  "&a ",
  "*a",
  "!!x ",
  "|\n",
  ">-\n",
];
const KEYS = [
  "channels",
  "targets",
  "servers",
  "forward",
  "limits",
  "timeouts",
  "log",
  "keys",
  "rules",
  "null",
  "~",
  "__proto__",
];

/** Every mistake is reported in lines that start with the program's name, and nothing else. */
function configured(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    assert(error.lines.length > 0);
    for (const line of error.lines) assert(/^micss[^\p{Cc}\p{Zl}\p{Zp}]*: [^\p{Cc}\p{Zl}\p{Zp}]*$/u.test(line), line);
    return false;
  }
}

const FLAGS = [
  ...["--channel", "--target", "--server", "--forward", "--redirect", "--socks5", "--identify", "--key", "--announce"],
  ...["--log-level", "--log-format", "--send-source", "--unknown", "--associations", "--config", "-", "--", "---", "="],
  ...["192.0.2.10", "80=127.0.0.1:8080", "web=a,b", "127.0.0.1:8080=web:80", "debug", "*=x"],
].flatMap((word) => [word, `\n${word}`]);

/** Parses flags, one per line. */
const flagsTarget = (name: string, seeds: string[], parse: (args: string[]) => unknown): Target =>
  textTarget({ name, seeds, words: FLAGS, longest: 600, take: (text) => configured(() => parse(text.split("\n"))) });

const ENTRY = {
  address: "192.0.2.10",
  channels: ["192.0.2.10:6522", "[2001:db8::1]:7000"],
  source: "exchange",
  learned: "2030-01-01T00:00:00.000Z",
  expires: "2030-01-02T00:00:00.000Z",
  key: "0123456789abcdef",
};
const JSON_WORDS = [
  '"',
  ",",
  ":",
  "[",
  "]",
  "{",
  "}",
  "null",
  '"address":',
  '"channels":',
  '"expires":',
  "1e999",
  "\\u0000",
];

export const configTargets: readonly Target[] = [
  textTarget({
    name: "server's YAML",
    seeds: [SERVER, "channels: [a, b]\ntargets: [80=c]\n", "a: &x [*x]\n", "? a\n: b\n", "%YAML 1.2\n---\n...\n"],
    words: [...YAML, ...KEYS],
    take: (text) => configured(() => parseServerCommand(["--config", "f"], () => text)),
  }),
  textTarget({
    name: "client's YAML",
    seeds: [CLIENT, "servers: {web: {channels: [a, b]}}\nredirect: [a]\n", "servers: [web=a,b]\n"],
    words: [...YAML, ...KEYS],
    take: (text) => configured(() => parseClientCommand(["--config", "f"], () => text)),
  }),
  flagsTarget("server's flags", [
    "--channel\n192.0.2.10\n--channel=198.51.100.10:7000\n--target\n80=127.0.0.1:8080,proxy\n--log-level=warn",
    "--channel=a\n--channel=b\n--target=*=c\n--key=k\n--announce=192.0.2.1\n--announce=192.0.2.2",
  ], (args) => parseServerCommand(args, () => SERVER)),
  flagsTarget("client's flags", [
    "--server\nweb=192.0.2.10,198.51.100.10\n--forward\n127.0.0.1:8080=web:80\n--send-source",
    "--identify=192.0.2.0/24=k\n--redirect=[::]\n--unknown=direct\n--database=d",
  ], (args) => parseClientCommand(args, () => CLIENT)),
  textTarget({
    name: "lines of values",
    seeds: [SERVER, CLIENT, "a:\n - b\n -\n  - c: |\n     d\n  e: 'f\n  g'\n", '"a\\nb": {c: [\n  d, "e]"]}\n'],
    words: [...YAML, "\t", "\r", "---", "..."],
    longest: 4096,
    take(text) {
      const line = locator(text)(["servers", "db", "channels", "1"]);
      assert(line >= 1 && line <= text.split(/\r\n|\n|\r/).length, `line ${line}`);
      return line > 1;
    },
  }),
  textTarget({
    name: "address",
    seeds: [
      "192.0.2.1:80",
      "[2001:db8::1]:6522",
      "[::ffff:192.0.2.1]:1",
      "example.net",
      "localhost:0",
      "[fe80::1%eth0]:1",
      "1.2.3",
    ],
    words: [":", "[", "]", "::", "%", ".", "65535", "65536", "ffff", "0"],
    longest: 300,
    take(text) {
      const address = taken(() => parseAddress(text, 6522), [SyntaxError]);
      if (address === null) return false;
      assertEquals(parseAddress(formatAddress(address.value)), address.value);
      if (isIpv4(address.value.host) || isIpv6(address.value.host)) {
        const bytes = hostBytes(address.value.host)!;
        assertEquals(bytesHost(bytes), withoutZone(canonicalHost(address.value.host)));
      }
      return true;
    },
  }),
  textTarget({
    name: "network or scope",
    seeds: [
      "192.0.2.0/24",
      "[2001:db8::]/32:7000",
      "192.0.2.1",
      "example.net:7000",
      "0.0.0.0/0",
      "[::]/0",
      "10.0.0.1/8",
      "::ffff:0:0/96",
      "example.net..",
    ],
    words: ["/", "[", "]", ":", "::", ".", "24", "32", "33", "128", "129"],
    longest: 200,
    take(text) {
      const subnet = taken(() => parseSubnet(text), [SyntaxError]);
      if (subnet !== null) assert(isWithin(subnet.value.host, subnet.value));
      const scope = taken(() => parseScope(text), [SyntaxError]);
      if (scope === null) return subnet !== null;
      const { of } = scope.value;
      assertEquals(parseScope(formatScope(scope.value)), scope.value);
      assert(covers(scope.value, typeof of === "string" ? of : of.host));
      return true;
    },
  }),
  {
    name: "address of the kernel's",
    seeds: [
      ...["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "::"].map((host) => writeSockaddr(hostBytes(host)!, 6522)),
      new Uint8Array(SOCKADDR_SIZE).fill(255),
    ],
    words: [Uint8Array.of(2, 0), Uint8Array.of(10, 0), Uint8Array.of(255, 255, 192, 0, 2, 1)],
    longest: SOCKADDR_SIZE,
    take(input) {
      const sockaddr = new Uint8Array(SOCKADDR_SIZE);
      sockaddr.set(input);
      const address = readSockaddr(sockaddr);
      if (address === undefined) return false;
      const host = address.host.replace(/%.*/, "");
      assertEquals(readSockaddr(writeSockaddr(hostBytes(host)!, address.port)), { host, port: address.port });
      return true;
    },
  },
  textTarget({
    name: "duration",
    seeds: ["500ms", "1.5m", "24h", "0s", "25h", "1e3s"],
    words: ["ms", "s", "m", "h", ".", "0.0005", "1"],
    longest: 60,
    take(text) {
      const ms = taken(() => durationSyntax.parse(text), [SyntaxError]);
      if (ms !== null) assertEquals(durationSyntax.parse(durationSyntax.format(ms.value)), ms.value);
      return ms !== null;
    },
  }),
  textTarget({
    name: "estimate",
    seeds: [
      "192.0.2.10=risk:10%,loss:0.1%,delay:12ms,rate:100mbit",
      "[2001:db8::10]:7000 via lte0=risk:1",
      "example.net=delay:300us,rate:1gbit",
    ],
    words: ["risk:", "loss:", "delay:", "rate:", ",", "=", "%", "us", "kbit", "1000000", "0.000000000001", " via "],
    longest: 200,
    take(text) {
      const estimate = taken(() => estimateSyntax.parse(text), [SyntaxError]);
      if (estimate === null) return false;
      const written = estimateSyntax.format(estimate.value);
      assertEquals(estimateSyntax.format(estimateSyntax.parse(written)), written);
      return true;
    },
  }),
  textTarget({
    name: "file of channels",
    seeds: [
      JSON.stringify(
        { version: 1, entries: [ENTRY, { address: "::1", channels: ["192.0.2.1", "192.0.2.2"] }] },
        null,
        2,
      ),
      '{"version": 1, "entries": []}',
      '{"version": 2, "entries": [{}]}',
    ],
    words: JSON_WORDS,
    take(text) {
      const entries = taken(() => parseEntries(text, 0), [EntryError]);
      if (entries !== null) assertEquals(parseEntries(formatEntries(entries.value), 0), entries.value);
      return entries !== null;
    },
  }),
  textTarget({
    name: "row of the database",
    seeds: [
      JSON.stringify(ENTRY),
      JSON.stringify({ ...ENTRY, expires: null, key: null, source: "import" }),
      "[]",
      "null",
    ],
    words: JSON_WORDS,
    take(text) {
      const entry = taken(() => entryFromJson(JSON.parse(text), 0), [EntryError, SyntaxError]);
      if (entry !== null) assertEquals(entryFromJson(entryToJson(entry.value), 0), entry.value);
      return entry !== null;
    },
  }),
  textTarget({
    name: "key",
    seeds: [
      `micss-hmac-v1 ${"A".repeat(43)}= comment\n`,
      `micss-ed25519-public-v1 ${"b".repeat(42)}A=\r\n`,
      `micss-ed25519-v1 ${"/".repeat(42)}8=`,
    ],
    words: ["micss-hmac-v1 ", "micss-ed25519-v1 ", " ", "\n", "=", "-", "\0"],
    longest: 1024,
    take(text) {
      const key = taken(() => parseKey(text), [SyntaxError]);
      if (key !== null) assertEquals(parseKey(formatKey(key.value)), key.value);
      return key !== null;
    },
  }),
];

/** Compares the JSON Schemas for editors with the real reader: they accept valid files, and refuse only invalid ones. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { UsageError } from "../../src/config/problems.ts";
import { editorSays } from "../support/schema.ts";

type Side = "server" | "client";

function read(side: Side, yaml: string): void {
  const parse = side === "server" ? parseServerCommand : parseClientCommand;
  parse(["--config", "f.yaml"], () => yaml);
}

const SERVER = "channels: [192.0.2.10, 198.51.100.10]\ntargets: { 80: 127.0.0.1:8080 }\n";
const CLIENT = "servers: { web: [192.0.2.10, 198.51.100.10] }\nredirect: [127.0.0.1]\n";

/** Valid files. */
const RIGHT: [Side, string][] = [
  ["server", SERVER],
  [
    "server",
    "channels:\n- a.example:1\n- '[2001:db8::1]'\n- '[fe80::1%eth0]:6522'\ntargets:\n- '*=a'\n- 443=[::1]:1,proxy\n",
  ],
  ["server", 'channels: [a, b]\ntargets: { "*": a, 80: "[::1]:80,proxy", "081": b.example }\n'],
  // Quotes around numbers and words are optional.
  [
    "server",
    `${SERVER}distinct-addresses: "false"\nlimits: { waiting: "16", accept-rate: 0 }\nlog: { level: "warn" }\n`,
  ],
  [
    "server",
    `${SERVER}distinct-addresses: false\nlimits: { waiting: 16, waiting-per-source: 2, associations: 1000000 }\n`,
  ],
  [
    "server",
    `${SERVER}limits: { sessions: 1, sessions-per-source: "9", streams: 65536, credit: "16777216" }\n`,
  ],
  // A key without a value sets nothing.
  ["server", `${SERVER}keys:\nannounce:\npads:\nrules:\nlimits:\n  waiting:\ntimeouts:\nlog:\n  level:\nadmin:\n`],
  [
    "server",
    `${SERVER}keys: [a.key, /b c]\nannounce: [192.0.2.1, 192.0.2.2:7]\nannounce-for: 1.5h\nadmin: unix:/run/a b\n`,
  ],
  ["server", `${SERVER}timeouts: { handshake: 1ms, silence: 24h }\nrules: { flavour: nft, rate: 10000 }\n`],
  ["client", CLIENT],
  [
    "client",
    "servers: ['web=a,b', 'db= a:1 ,[::1]']\nforward: ['[::1]:8080=web:80', 'localhost:1=[::1]:65535']\nkeys: ['[::]/0=k']\n",
  ],
  [
    "client",
    "servers: { a: 'x, y', b: [x, y], c: { channels: [x, y], ports: [80, '81'] }, d: { ports:, channels: [x, y] } }\nsocks5: ['[::]:0']\n",
  ],
  [
    "client",
    "keys: { 192.0.2.0/24: a.pub, '[2001:db8::]/32:7': [a.pub, b.pub], web.example: c }\nredirect: [localhost:0]\n",
  ],
  ["client", `${CLIENT}send-source: true\nwarm: 0\nunknown: direct\ntproxy: ['[::]']\nlimits: { sessions: 1 }\n`],
  [
    "client",
    `${CLIENT}rules: { take: [servers, "*:80", 192.0.2.0/24, "[2001:db8::]/32:80", "servers:*"], take-user: [1000, www-data] }\n`,
  ],
  ["client", `${CLIENT}associations: per-session\nwarm: 9\nlimits: { credit: 65536 }\n`],
  ["client", `${CLIENT}associations: "8"\nwarm: "8"\nlimits: { credit: }\n`],
  ["client", `${CLIENT}associations: 64\n`],
  ["client", `${CLIENT}associations:\n`],
  ["client", `${CLIENT}http-connect: [0.0.0.0:3128]\nhttp-connect-users: u\ndatabase: /x/y z\nadmin: "[::1]:9652"\n`],
];

/** Invalid files, and the JSON pointer at which an editor reports them. */
const WRONG: [Side, string, string][] = [
  ["server", `${SERVER}tagrets: { 80: a }\n`, ""],
  ["server", CLIENT, ""],
  ["client", SERVER, ""],
  ["server", "- a\n", ""],
  ["server", "channels: a\n", "/channels"],
  ["server", "channels: [a]\n", "/channels"],
  ["server", "channels: [a, b:x]\n", "/channels/1"],
  ["server", "channels: [a, '2001:db8::1']\n", "/channels/1"],
  ["server", "channels: [a, [b]]\n", "/channels/1"],
  ["server", "channels: [a, null]\n", "/channels/1"],
  ["server", "targets: { http: a }\n", "/targets"],
  ["server", "targets: { 80: [a] }\n", "/targets/80"],
  ["server", "targets: { 80: 'a:b' }\n", "/targets/80"],
  ["server", "targets: { 80: 'a,prxoy' }\n", "/targets/80"],
  ["server", "targets: [80]\n", "/targets/0"],
  ["server", "timeouts: { handshake: 5 }\n", "/timeouts/handshake"],
  ["server", "timeouts: { hanshake: 5s }\n", "/timeouts"],
  ["server", "timeouts: [5s]\n", "/timeouts"],
  ["server", "limits: { waiting: 0 }\n", "/limits/waiting"],
  ["server", "limits: { waiting: 1.5 }\n", "/limits/waiting"],
  ["server", "limits: { associations: many }\n", "/limits/associations"],
  ["server", "limits: { streams: 127 }\n", "/limits/streams"],
  ["server", "limits: { credit: 65535 }\n", "/limits/credit"],
  ["server", "limits: { sessions-per-source: 0 }\n", "/limits/sessions-per-source"],
  ["server", "log: debug\n", "/log"],
  ["server", "log: { level: loud }\n", "/log/level"],
  ["server", "distinct-addresses: no way\n", "/distinct-addresses"],
  ["server", "admin: unix:relative\n", "/admin"],
  ["server", "rules: { rate: 10001 }\n", "/rules/rate"],
  ["server", "rules: { take: [servers] }\n", "/rules"],
  ["client", "servers: { a/b: [c, d] }\n", "/servers"],
  ["client", "servers: { web: { channels: [a, b], port: [80] } }\n", "/servers/web"],
  ["client", "servers: { web: { channels: [a, b], ports: [0] } }\n", "/servers/web/ports/0"],
  ["client", "servers: { web: [a] }\nredirect: [a]\n", "/servers/web"],
  ["client", "forward: [127.0.0.1:8080=web]\n", "/forward/0"],
  ["client", "forward: [web:80]\n", "/forward/0"],
  ["client", "socks5: [127.0.0.1]\n", "/socks5/0"],
  ["client", "unknown: drop\n", "/unknown"],
  ["client", "warm: -1\n", "/warm"],
  ["client", "associations: 65\n", "/associations"],
  ["client", "associations: 0\n", "/associations"],
  ["client", "associations: per-sesion\n", "/associations"],
  ["client", "limits: { streams: 128 }\n", "/limits"],
  ["client", "keys: { 192.0.2.1: { file: a } }\n", "/keys/192.0.2.1"],
  ["client", "rules: { take-from: ['eth 0'] }\n", "/rules/take-from/0"],
  ["client", "rules: { take: ['http'] , exempt: ['192.0.2.1:http'] }\n", "/rules/exempt/0"],
];

Deno.test("the schemas accept valid files", () => {
  for (const [side, yaml] of RIGHT) {
    read(side, yaml);
    assertEquals(editorSays(side, yaml), [], yaml);
  }
});

Deno.test("the schemas and the reader refuse invalid files, at the right place", () => {
  for (const [side, yaml, where] of WRONG) {
    assertThrows(() => read(side, yaml), UsageError);
    const lines = editorSays(side, yaml);
    assert(lines.some((line) => line.startsWith(`${where}: `)), `${yaml}${lines.join("\n")}`);
  }
});

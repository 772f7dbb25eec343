import { assertEquals } from "@std/assert";
import { serverSpec } from "../../src/config/server.ts";
import { linesOf } from "./lines.ts";

const CHANNELS = "--channel 192.0.2.1 --channel 192.0.2.2";
const TARGET = "--target 80=127.0.0.1";

const KNOWN = `known: ${Object.values(serverSpec.schema).map(({ key }) => key).join(", ")}`;

/** Commands, files and messages. */
const FILES: ["server" | "client", string, string[]][] = [
  // YAML.
  ["server", "- a\n- b\n", ["micss: f.yaml:1: not a map; write KEY: VALUE lines"]],
  ["server", "channels, targets\n", ["micss: f.yaml:1: not a map; write KEY: VALUE lines"]],
  ["server", "", [
    "micss server: no channels; give 2 to 16, each at its own address",
    "micss server: no target; give at least one, such as 80=127.0.0.1:8080",
  ]],
  ["server", "channels:\ntargets:\nlog:\n", [
    "micss server: no channels; give 2 to 16, each at its own address",
    "micss server: no target; give at least one, such as 80=127.0.0.1:8080",
  ]],
  // Keys.
  ["server", "channels: [a:7000, A:7001, a:7003]\ndistinct-addresses: false\ntargets: {80: a}\nworkers: 2", [
    "micss: f.yaml:1: channels.1: 2 workers need 2 ports from 7001, some of them used for a:7000; " +
    "give ports at least 2 apart",
  ]],
  ["server", "channels: [a, b]\n\ntagrets: {80: a}\n", [
    "micss: f.yaml:3: tagrets: unknown key; did you mean targets?",
  ]],
  ["server", "channels: [a, b]\nservers: {web: [a, b]}\n", [
    `micss: f.yaml:2: servers: unknown key; ${KNOWN}`,
  ]],
  // The other handler's file.
  ["client", "workers: 2\nchannels: [a, b]\ntargets: {80: x y}\nno: 1\n", [
    'micss client: --config "f.yaml": a server\'s configuration, as it sets channels; use it with micss server, ' +
    "or give a client's",
  ]],
  ["server", "redirect: [a:1]\nservers: {web: [a, b]}\n", [
    'micss server: --config "f.yaml": a client\'s configuration, as it sets redirect; use it with micss client, ' +
    "or give a server's",
  ]],
  ["client", "workers: 2\nservrs: {web: [a, b]}\n", [
    "micss: f.yaml:2: servrs: unknown key; did you mean servers?",
  ]],
  ["server", "timeouts:\n  handshake: 5s\n  hanshake: 5s\n", [
    "micss: f.yaml:3: timeouts.hanshake: unknown key; did you mean handshake?",
  ]],
  ["server", '"__proto__": 1\nconstructor: 2\n', [
    `micss: f.yaml:1: __proto__: unknown key; ${KNOWN}`,
    `micss: f.yaml:2: constructor: unknown key; ${KNOWN}`,
  ]],
  ["client", "servers:\n  web:\n    channels: [a, b]\n    port: [80]\n", [
    "micss: f.yaml:4: servers.web.port: unknown key; did you mean ports?",
  ]],
  // Kinds of values.
  ["server", "channels: a\n", ["micss: f.yaml:1: channels: not a list; write [HOST[:PORT], ...]"]],
  ["server", "channels: {a: b}\n", ["micss: f.yaml:1: channels: not a list; write [HOST[:PORT], ...]"]],
  ["server", "channels:\n  - a\n  -\n  - [b]\n  - {c: d}\n", [
    "micss: f.yaml:3: channels.1: not a single value; write HOST[:PORT]",
    "micss: f.yaml:4: channels.2: not a single value; write HOST[:PORT]",
    "micss: f.yaml:5: channels.3: not a single value; write HOST[:PORT]",
  ]],
  ["server", "targets: 80\n", ["micss: f.yaml:1: targets: not a list; write [PORT=HOST[:PORT][,proxy], ...]"]],
  ["server", "targets:\n  80: [a]\n  81:\n", [
    "micss: f.yaml:2: targets.80: not a single value; write PORT=HOST[:PORT][,proxy]",
    "micss: f.yaml:3: targets.81: not a single value; write PORT=HOST[:PORT][,proxy]",
  ]],
  ["server", "log: debug\n", ["micss: f.yaml:1: log: not a map; write {level: ...}"]],
  ["server", "timeouts: [5s]\n", ["micss: f.yaml:1: timeouts: not a map; write {handshake: ...}"]],
  ["client", "servers:\n  web: {channels: a, ports: 80}\n", [
    "micss: f.yaml:2: servers.web.channels: not a list; write [HOST[:PORT] [via DEVICE|ADDRESS], ...]",
    "micss: f.yaml:2: servers.web.ports: not a list; write [PORT, ...]",
  ]],
  // Values.
  ["server", "channels:\n- a\n- 1.2.3\n", [
    'micss: f.yaml:3: channels.1: not an IPv4 address: "1.2.3"; write four numbers from 0 to 255, such as 192.0.2.1',
  ]],
  ["server", "targets:\n  80: 127.0.0.1:8080\n  '*': a:b\n  http: c\n", [
    'micss: f.yaml:3: targets.*: not an address: "a:b"; write HOST:PORT',
    'micss: f.yaml:4: targets.http: not a port: "http"; write a number from 0 to 65535',
  ]],
  ["server", "targets: [80=a, b]\n", [
    'micss: f.yaml:1: targets.1: not a target: "b"; write PORT=HOST:PORT, PORT=HOST or *=HOST',
  ]],
  ["server", "timeouts:\n  handshake: 5\n  idle: 25h\n", [
    'micss: f.yaml:2: timeouts.handshake: not a duration: "5"; write 500ms, 5s, 2m or 1h',
    'micss: f.yaml:3: timeouts.idle: duration out of range: "25h"; write 1ms to 24h',
  ]],
  ["server", "distinct-addresses: no\n", ["micss: f.yaml:1: distinct-addresses: must be true or false"]],
  ["server", "log:\n  level: loud\n", [
    'micss: f.yaml:2: log.level: unknown log level: "loud"; write debug, info, quiet, warn or error',
  ]],
  ["client", "servers:\n  a/b: [a, b]\n  c/d: {channels: [a, b]}\n  e/f: a,b\n", [
    'micss: f.yaml:2: servers.a/b: not a server name: "a/b"; use letters, digits, dots and dashes',
    'micss: f.yaml:3: servers.c/d: not a server name: "c/d"; use letters, digits, dots and dashes',
    'micss: f.yaml:4: servers.e/f: not a server name: "e/f"; use letters, digits, dots and dashes',
  ]],
  [
    "client",
    "servers:\n  web:\n    - a\n    - b:0\n  db:\n    channels:\n      - a\n      - b\n    ports:\n      - 80\n      - x\n",
    [
      'micss: f.yaml:4: servers.web.1: port 0 is not allowed: "b:0"; write a port from 1 to 65535',
      'micss: f.yaml:11: servers.db.ports.1: not a port: "x"; write a number from 0 to 65535',
    ],
  ],
  ["server", 'channels:\n  - "a\\nb"\n', [
    'micss: f.yaml:2: channels.0: not an address: "a\\u{a}b"; write HOST:PORT',
  ]],
  // Rules between values.
  ["server", "channels:\n  - a\ntargets:\n", [
    "micss: f.yaml:1: channels: only one channel; give 2 to 16, each at its own address",
    "micss server: no target; give at least one, such as 80=127.0.0.1:8080",
  ]],
  ["server", "channels:\n  - a:1\n  - b\n  - a:2\ntargets: {80: c}\n", [
    "micss: f.yaml:4: channels.2: two channels use a, and so one path; give each its own address",
  ]],
  ["server", "channels: [a:1, a:2, a:1]\ndistinct-addresses: false\ntargets: [80=a]\n", [
    "micss: f.yaml:1: channels.2: two listeners use a:1; give each its own port",
  ]],
  ["server", "channels: [a, b, c]\ntargets: {80: a}\nlimits:\n  waiting: 2\n  waiting-per-source: 3\n", [
    "micss: f.yaml:3: limits: waiting is 2, but one association needs 3; give 3 or more",
  ]],
  ["server", "limits:\n  streams: 127\n  sessions: 0\n  credit: 16777217\n", [
    'micss: f.yaml:3: limits.sessions: number out of range: "0"; write 1 to 1000000',
    'micss: f.yaml:2: limits.streams: number out of range: "127"; write 128 to 65536',
    'micss: f.yaml:4: limits.credit: number out of range: "16777217"; write 65536 to 16777216',
  ]],
  ["client", "servers: {web: [a, b]}\nredirect: [a]\nassociations: 2\nwarm: 3\n", [
    "micss: f.yaml:4: warm: 3 is more than associations, 2; give 2 or less",
  ]],
  ["client", "servers: {web: [a, b]}\nredirect: [a]\nassociations: per-session\nwarm: 100\n", []],
  ["client", "servers: {web: [a, b]}\nredirect: [a]\nclient-key: k\n", [
    "micss: f.yaml:3: client-key: used only with servers whose keys are known; give servers.NAME.key",
  ]],
  ["client", "servers: {web: [a, b]}\nredirect: [a]\nsocks5-users: u\nhttp-connect-users: v\n", [
    "micss: f.yaml:3: socks5-users: without socks5; give socks5 HOST:PORT",
    "micss: f.yaml:4: http-connect-users: without http-connect; give http-connect HOST:PORT",
  ]],
  ["client", "servers: {web: [a, b]}\nredirect: [a]\nthreshold: 2\n", [
    "micss: f.yaml:1: servers.web: threshold 2 with 2 channels; give less, or leave it out if all are needed",
  ]],
  ["server", "channels: [a, b]\ntargets: {80: a}\nthreshold: 2\n", [
    "micss: f.yaml:3: threshold: threshold 2 with 2 channels; give less, or leave it out if all are needed",
  ]],
  ["server", "channels: [a, b]\ntargets:\n  80: a\n  '080': b\n", [
    "micss: f.yaml:4: targets.080: port 80 has two targets; give each port only one",
  ]],
  ["client", "servers:\n  web: [a]\n  db:\n    ports: [80]\nredirect: [a]\n", [
    "micss: f.yaml:2: servers.web: only one channel; give 2 to 16, each at its own address",
    "micss: f.yaml:3: servers.db: no channels; give 2 to 16, each at its own address",
  ]],
  ["client", "servers:\n  web:\n    channels:\n      - a:1\n      - a:2\nredirect: [a]\n", [
    "micss: f.yaml:5: servers.web.channels.1: two channels use a, and so one path; give each its own address",
  ]],
  ["client", "servers: [web=a,b, web=c,d]\n".replaceAll(/web=\w,\w/g, '"$&"') + "redirect: [a]\n", [
    "micss: f.yaml:1: servers.1: two servers are named web; give each its own name",
  ]],
  ["client", "servers:\n  web: [a, b]\nforward:\n  - a:1=web:80\n  - a:1=webb:80\nredirect:\n  - a:1\n", [
    "micss: f.yaml:5: forward.1: no server is named webb; did you mean web?",
    "micss: f.yaml:5: forward.1: two listeners use a:1; give each its own port",
    "micss: f.yaml:7: redirect.0: two listeners use a:1; give each its own port",
  ]],
];

Deno.test("each mistake in the file is reported with its line and key", () => {
  for (const [command, yaml, lines] of FILES) {
    assertEquals(linesOf(command, "--config f.yaml", yaml), lines, `${command}\n${yaml}`);
  }
});

Deno.test("invalid YAML is reported with its line and a remedy", () => {
  const cases: [string, RegExp][] = [
    ["channels:\n  - a\n - b\n", /^micss: f\.yaml:3: invalid YAML at column \d+: .+; align keys of the same map$/],
    ["log:\n\tlevel: info\n", /^micss: f\.yaml:2: invalid YAML at column \d+: tab .+; indent with spaces$/],
    ["channels: [a,\n\n", /^micss: f\.yaml:3: invalid YAML at column \d+: .+; check brackets, quotes and indentation$/],
    ["log: {}\nlog: {}\n", /^micss: f\.yaml:[23]: invalid YAML at column \d+: duplicated .*key; give each key once$/],
    ["a: *b\n", /^micss: f\.yaml:1: invalid YAML at column \d+: .+; put the value in quotes$/],
    ["log: {}\n---\nlog: {}\n", /^micss: f\.yaml(:2)?: invalid YAML.*: .*document.*; keep one document$/],
  ];
  for (const [yaml, wanted] of cases) {
    const lines = linesOf("server", "--config f.yaml", yaml);
    assertEquals([lines.length, wanted.test(lines[0]!)], [1, true], lines.join("\n"));
  }
});

Deno.test("mistakes in the file are reported even if a flag overrides it", () => {
  assertEquals(linesOf("server", `${CHANNELS} ${TARGET} --config f.yaml`, "channels: [a, b:x]\n"), [
    'micss: f.yaml:1: channels.1: not an address: "b:x"; write HOST:PORT',
  ]);
});

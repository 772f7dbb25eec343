import { assertEquals } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { DEFAULT_TIMEOUTS } from "../../src/config/common.ts";
import { clientSpec } from "../../src/config/client.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { ClientConfig, ServerConfig } from "../../src/config/types.ts";

const server = (args: string[], yaml = ""): ServerConfig => parseConfig("micss server", serverSpec, args, () => yaml);
const client = (args: string[], yaml = ""): ClientConfig => parseConfig("micss client", clientSpec, args, () => yaml);
const FILE = ["--config", "f.yaml"];
const DEFAULTS = {
  timeouts: {
    handshake: 5000,
    connect: 10_000,
    idle: 60_000,
    ping: 8_000,
    silence: 25_000,
    rejoin: 30_000,
    keepalive: 60_000,
    flow: 120_000,
    drain: 30_000,
  },
  workers: 1,
  pads: "auto" as const,
  padding: "off" as const,
  log: { level: "info" as const, format: "text" as const },
};
const SERVER_LIMITS = { streams: 4096, credit: 4_194_304 };
const CLIENT_LIMITS = { credit: 4_194_304 };
const DEFAULT_ANNOUNCE = { keys: [], announce: [], announceFor: 3_600_000 };
const DEFAULT_IDENTIFY = { keys: [], unknown: "reject" as const };
const NO_OTHER_INGRESS = {
  udpForwards: [],
  udpTproxies: [],
  tproxies: [],
  socks5: [],
  httpConnects: [],
  sendSource: false,
};
const SHARED = { associations: 4, warm: 1, limits: CLIENT_LIMITS };

Deno.test("flags suffice to configure the server handler", () => {
  const config = server([
    "--channel",
    "192.0.2.10",
    "--channel=198.51.100.10:7000",
    "--channel",
    "[2001:db8::10]:6522",
    "--target",
    "80=127.0.0.1:8080",
    "--target=*=127.0.0.1",
  ]);
  assertEquals(config, {
    channels: [
      { host: "192.0.2.10", port: 6522 },
      { host: "198.51.100.10", port: 7000 },
      { host: "2001:db8::10", port: 6522 },
    ],
    targets: [
      { port: 80, host: "127.0.0.1", toPort: 8080 },
      { port: "*", host: "127.0.0.1", toPort: "same" },
    ],
    udpTargets: [],
    distinctAddresses: true,
    ...DEFAULT_ANNOUNCE,
    ...DEFAULTS,
    limits: SERVER_LIMITS,
  });
});

Deno.test("the server handler's file can set the same and more", () => {
  const yaml = `
channels:
  - 127.0.0.1:0
  - 127.0.0.1:0
targets:
  80: 127.0.0.1:8080
  "*": localhost
distinct-addresses: false
timeouts: {handshake: 500ms, connect: 1s, idle: 2m, drain: 1h}
log:
  level: debug
  format: json
`;
  assertEquals(server(FILE, yaml), {
    channels: [{ host: "127.0.0.1", port: 0 }, { host: "127.0.0.1", port: 0 }],
    targets: [{ port: 80, host: "127.0.0.1", toPort: 8080 }, { port: "*", host: "localhost", toPort: "same" }],
    udpTargets: [],
    distinctAddresses: false,
    ...DEFAULT_ANNOUNCE,
    workers: 1,
    pads: "auto",
    padding: "off",
    limits: SERVER_LIMITS,
    timeouts: { ...DEFAULT_TIMEOUTS, handshake: 500, connect: 1000, idle: 120_000, drain: 3_600_000 },
    log: { level: "debug", format: "json" },
  });
});

Deno.test("flags suffice to configure the client handler", () => {
  const config = client([
    "--server",
    "web=192.0.2.10,198.51.100.10:7000,[2001:db8::10]",
    "--forward=127.0.0.1:8080=web:80",
    "--forward",
    "[::1]:0=web:22",
    "--redirect",
    "0.0.0.0",
    "--log-level=warn",
    "--log-format",
    "json",
  ]);
  assertEquals(config, {
    servers: [{
      name: "web",
      channels: [
        { host: "192.0.2.10", port: 6522 },
        { host: "198.51.100.10", port: 7000 },
        { host: "2001:db8::10", port: 6522 },
      ],
    }],
    forwards: [
      { listen: { host: "127.0.0.1", port: 8080 }, server: "web", port: 80 },
      { listen: { host: "::1", port: 0 }, server: "web", port: 22 },
    ],
    redirects: [{ host: "0.0.0.0", port: 6522 }],
    shares: "full",
    ...NO_OTHER_INGRESS,
    ...DEFAULT_IDENTIFY,
    ...SHARED,
    ...DEFAULTS,
    log: { level: "warn", format: "json" },
  });
});

Deno.test("a server in the client handler's file is a list, a map or a string", () => {
  const yaml = `
servers:
  a: [h1, h2:7000]
  b:
    channels:
      - h1
      - "[::1]:7000"
    ports: [80, 443]
  c: h1, h2
  d: {channels: [h1, h2]}
forward: [127.0.0.1:8080=a:80]
redirect:
  - 0.0.0.0:6522
  - "[::]:6522"
`;
  const { servers, forwards, redirects } = client(FILE, yaml);
  const [h1, h2] = [{ host: "h1", port: 6522 }, { host: "h2", port: 6522 }];
  assertEquals(servers, [
    { name: "a", channels: [h1, { host: "h2", port: 7000 }] },
    { name: "b", channels: [h1, { host: "::1", port: 7000 }], ports: [80, 443] },
    { name: "c", channels: [h1, h2] },
    { name: "d", channels: [h1, h2] },
  ]);
  assertEquals(forwards, [{ listen: { host: "127.0.0.1", port: 8080 }, server: "a", port: 80 }]);
  assertEquals(redirects, [{ host: "0.0.0.0", port: 6522 }, { host: "::", port: 6522 }]);
});

Deno.test("a list in the file accepts the syntax of flags", () => {
  const yaml = 'servers: ["web=a,b"]\nredirect: [c]\n';
  assertEquals(client(FILE, yaml), client(["--server", "web=a,b", "--redirect", "c"]));
  assertEquals(
    server(FILE, 'channels: [a, b]\ntargets: ["80=c:1", "*=d"]\n'),
    server(["--channel=a", "--channel=b", "--target=80=c:1", "--target=*=d"]),
  );
});

Deno.test("a flag overrides the file, and repeated flags replace the file's list", () => {
  const yaml = "channels: [a, b, c]\ntargets: {80: a}\nlog: {level: debug, format: json}\n";
  const config = server(["--channel", "d", ...FILE, "--channel", "e", "--log-level", "error"], yaml);
  assertEquals(config.channels, [{ host: "d", port: 6522 }, { host: "e", port: 6522 }]);
  assertEquals(config.targets, [{ port: 80, host: "a", toPort: "same" }]);
  assertEquals(config.log, { level: "error", format: "json" });
});

Deno.test("limits of sessions, associations and credit are read, and the associations of a client", () => {
  const limits = "sessions: 5000, sessions-per-source: 70, streams: 65536, credit: 16777216, associations: 9";
  assertEquals(server(FILE, `channels: [a, b]\ntargets: {80: a}\nlimits: {${limits}}\n`).limits, {
    ...{ sessions: 5000, sessionsPerSource: 70, streams: 65_536, credit: 16_777_216, associations: 9 },
  });
  const yaml =
    "servers: {web: [a, b]}\nredirect: [c]\nassociations: per-session\nlimits: {sessions: 7, credit: 65536}\n";
  assertEquals(client(FILE, yaml).limits, { sessions: 7, credit: 65_536 });
  assertEquals(client(FILE, yaml).associations, "per-session");
  assertEquals(client([...FILE, "--associations", "8"], yaml).associations, 8);
});

Deno.test("rules between settings apply to flags and file combined", () => {
  const config = client(
    ["--forward", "127.0.0.1:1=web:80", ...FILE],
    "servers: {web: [a, b]}\nforward: [a:1=gone:80]\n",
  );
  assertEquals(config.forwards, [{ listen: { host: "127.0.0.1", port: 1 }, server: "web", port: 80 }]);
});

Deno.test("values in the file are never converted from the text as written", () => {
  const yaml = "servers: {1e3: [0x10, 1_0], true: [null, ~]}\nredirect: [2001-01-01]\n".replace("~", "no");
  assertEquals(client(FILE, yaml).servers.map(({ name, channels }) => [name, ...channels.map(({ host }) => host)]), [
    ["1e3", "0x10", "1_0"],
    ["true", "null", "no"],
  ]);
});

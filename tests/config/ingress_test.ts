import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { clientSpec } from "../../src/config/client.ts";
import { UsageError } from "../../src/config/problems.ts";
import { serverSpec, targetSyntax } from "../../src/config/server.ts";
import type { ClientConfig } from "../../src/config/types.ts";

const client = (args: string[], yaml = ""): ClientConfig => parseConfig("micss client", clientSpec, args, () => yaml);
const FILE = ["--config", "f.yaml"];
const SERVER = ["--server", "web=a,b"];

function ingressOf({ tproxies, socks5, socks5Users, httpConnects, httpConnectUsers, sendSource }: ClientConfig) {
  return { tproxies, socks5, socks5Users, httpConnects, httpConnectUsers, sendSource };
}

const EXPECTED = {
  tproxies: [{ host: "0.0.0.0", port: 6522 }, { host: "::1", port: 7000 }],
  socks5: [{ host: "127.0.0.1", port: 1080 }, { host: "::1", port: 0 }],
  socks5Users: "/etc/micss/socks5 users",
  httpConnects: [{ host: "127.0.0.1", port: 3128 }],
  httpConnectUsers: "users",
  sendSource: true,
};

Deno.test("flags set every kind of ingress, its users, and send-source", () => {
  const args = [
    ...["--tproxy", "0.0.0.0", "--tproxy", "[::1]:7000"],
    ...["--socks5", "127.0.0.1:1080", "--socks5=[::1]:0", "--socks5-users", "/etc/micss/socks5 users"],
    ...["--http-connect", "127.0.0.1:3128", "--http-connect-users=users", "--send-source"],
  ];
  assertEquals(ingressOf(client([...SERVER, ...args])), EXPECTED);
  // A flag without a value does not consume the next argument.
  assertEquals(ingressOf(client(["--send-source", ...args.slice(0, -1), ...SERVER])), EXPECTED);
});

Deno.test("the file can set the same", () => {
  const yaml = `
servers: {web: [a, b]}
tproxy: [0.0.0.0, "[::1]:7000"]
socks5: ["127.0.0.1:1080", "[::1]:0"]
socks5-users: /etc/micss/socks5 users
http-connect: ["127.0.0.1:3128"]
http-connect-users: users
send-source: true
`;
  assertEquals(ingressOf(client(FILE, yaml)), EXPECTED);
  assertEquals(client([...FILE, "--send-source"], yaml.replace("true", "false")).sendSource, true);
  assertEquals(client([...SERVER, "--redirect", "0.0.0.0"]).sendSource, false);
});

/** Flags and messages. */
const MISTAKES = [
  [["--socks5", "127.0.0.1"], 'micss client: --socks5 "127.0.0.1": missing port; write 127.0.0.1:PORT'],
  [["--http-connect", "127.0.0.1"], 'micss client: --http-connect "127.0.0.1": missing port; write 127.0.0.1:PORT'],
  [
    ["--socks5", "127.0.0.1:1080", "--http-connect", "127.0.0.1:1080"],
    'micss client: --http-connect "127.0.0.1:1080": two listeners use 127.0.0.1:1080; give each its own port',
  ],
  [
    ["--tproxy", "0.0.0.0", "--socks5", "0.0.0.0:6522"],
    'micss client: --socks5 "0.0.0.0:6522": two listeners use 0.0.0.0:6522; give each its own port',
  ],
  [
    ["--send-source"],
    "micss client: no ingress; give at least one, such as forward HOST:PORT=NAME:PORT or redirect HOST:PORT",
  ],
  [
    ["--http-connect", "127.0.0.1:3128", "--socks5-users", "file"],
    'micss client: --socks5-users "file": without socks5; give socks5 HOST:PORT',
  ],
  [
    ["--socks5", "127.0.0.1:1080", "--http-connect-users", "file"],
    'micss client: --http-connect-users "file": without http-connect; give http-connect HOST:PORT',
  ],
] as const;

for (const [args, line] of MISTAKES) {
  Deno.test(`${args.join(" ")} is reported`, () => {
    const error = assertThrows(() => client([...SERVER, ...args]), UsageError);
    assertEquals(error.lines, [line]);
  });
}

Deno.test("a target requests the PROXY header with ,proxy, in flags and in the file", () => {
  const cases = [
    ["80=127.0.0.1:8080,proxy", { port: 80, host: "127.0.0.1", toPort: 8080, proxy: true }],
    ["*=[::1],proxy", { port: "*", host: "::1", toPort: "same", proxy: true }],
  ] as const;
  for (const [text, target] of cases) {
    assertEquals(targetSyntax.parse(text), target);
    assertEquals(targetSyntax.format(target), text);
  }
  const yaml = "channels: [a, b]\ntargets: {80: '127.0.0.1:8080,proxy'}\n";
  assertEquals(parseConfig("micss server", serverSpec, FILE, () => yaml).targets, [cases[0][1]]);
  for (const text of ["80=a,", "80=a,prox", "80=a,proxy,proxy", "80=a,b"]) {
    assertThrows(
      () => targetSyntax.parse(text),
      SyntaxError,
      "only ,proxy may follow the address",
    );
  }
});

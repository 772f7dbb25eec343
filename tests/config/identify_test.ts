import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { clientSpec } from "../../src/config/client.ts";
import { clientKeySyntax } from "../../src/config/identify.ts";
import { UsageError } from "../../src/config/problems.ts";
import { covers, formatScope, parseScope } from "../../src/config/scope.ts";
import { serverSpec } from "../../src/config/server.ts";

const REDIRECT = ["--redirect", "0.0.0.0"];
const client = (args: string[], yaml = "") =>
  parseConfig("micss client", clientSpec, [...REDIRECT, ...args], () => yaml);
const FILE = ["--config", "f.yaml"];

/** Returns the keys of a configuration as flags would give them. */
function keysOf(args: string[], yaml = ""): string[] {
  return client(args, yaml).keys.map((key) => clientKeySyntax.format(key));
}

/** Returns the messages about an invalid configuration. */
function mistakes(run: () => unknown): readonly string[] {
  return assertThrows(run, UsageError).lines;
}

Deno.test("a key's scope is an address, a network or a name, with a port or the default one", () => {
  const texts = [
    "192.0.2.10",
    "192.0.2.10:7000",
    "192.0.2.0/24",
    "192.0.2.0/24:7000",
    "[2001:db8::10]",
    "[2001:db8::10]:7000",
    "[2001:db8::]/32",
    "[2001:db8::]/32:7000",
    "web.example",
    "web.example:7000",
  ];
  for (const text of texts) assertEquals(formatScope(parseScope(text)), text);
  assertEquals(formatScope(parseScope("[2001:DB8:0::10]:6522")), "[2001:db8::10]");
  // The resolver needs the last dot: without it, search domains apply.
  assertEquals(formatScope(parseScope("WEB.example.")), "web.example.");
  assertEquals(parseScope("10.0.0.0/8"), { of: { host: "10.0.0.0", bits: 8 }, port: 6522 });
});

Deno.test("invalid scopes of keys are refused", () => {
  const cases: [string, string][] = [
    ["", 'not an address: ""'],
    ["192.0.2.0/33", 'not a network: "192.0.2.0/33"'],
    ["192.0.2.1/24", 'address has bits beyond the prefix: "192.0.2.1/24"; write 192.0.2.0/24'],
    ["web.example/24", 'not a network: "web.example/24"'],
    ["2001:db8::/32", 'not a network: "2001:db8::/32"; write 192.0.2.0/24 or [2001:db8::]/32'],
    ["192.0.2.0/24:x", 'not a port: "x"'],
    ["192.0.2.0/24:0", "port 0 is not allowed"],
    ["192.0.2.1:0", "port 0 is not allowed"],
    ["2001:db8::1", "write an IPv6 address as [2001:db8::1]"],
  ];
  for (const [text, message] of cases) assertThrows(() => parseScope(text), SyntaxError, message);
});

Deno.test("a scope covers its own hosts and no others", () => {
  const cases: [string, string[], string[]][] = [
    ["192.0.2.1", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.2", "web.example"]],
    ["[fe80::1%2]:6522", ["fe80::1", "fe80::1%2", "FE80:0::1"], ["fe80::1%3", "fe80::2"]],
    ["[fe80::1]", ["fe80::1", "fe80::1%2"], ["fe80::2%2"]],
    ["one.test.", ["one.test", "One.Test."], ["one.test.search.test"]],
    ["[2001:db8::1]", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db8::2"]],
    ["192.0.2.0/24", ["192.0.2.0", "192.0.2.255"], ["192.0.3.0", "2001:db8::1", "web.example"]],
    ["web.example", ["web.example", "WEB.example."], ["example", "www.web.example", "192.0.2.1"]],
  ];
  for (const [text, inside, outside] of cases) {
    for (const host of inside) assertEquals(covers(parseScope(text), host), true, `${host} by ${text}`);
    for (const host of outside) assertEquals(covers(parseScope(text), host), false, `${host} by ${text}`);
  }
});

Deno.test("keys are flags, a list or a map, and several for one address keep their order", () => {
  const expected = ["192.0.2.10=/a.key", "10.0.0.0/8=/b.key", "10.0.0.0/8=/c.key"];
  assertEquals(keysOf(expected.flatMap((key) => ["--identify", key])), expected);
  assertEquals(keysOf(FILE, `keys: [${expected}]`), expected);
  assertEquals(keysOf(FILE, "keys:\n  192.0.2.10: /a.key\n  10.0.0.0/8:\n    - /b.key\n    - /c.key\n"), expected);
  assertEquals(keysOf(FILE, 'keys: {"[2001:db8::]/32": a=b.key}'), ["[2001:db8::]/32=a=b.key"]);
});

Deno.test("mistakes in keys are reported with their line", () => {
  assertEquals(mistakes(() => client(["--identify", "192.0.2.10"])), [
    'micss client: --identify "192.0.2.10": missing key file; write ADDRESS=FILE or NETWORK=FILE',
  ]);
  assertEquals(mistakes(() => client(FILE, "keys:\n  192.0.2.1: a\n  192.0.2.0/8:\n    - b\n")), [
    'micss: f.yaml:4: keys.192.0.2.0/8.0: address has bits beyond the prefix: "192.0.2.0/8"; write 192.0.0.0/8',
  ]);
  assertEquals(mistakes(() => client(FILE, "keys:\n  192.0.2.1:\n    - {a: b}\n")), [
    "micss: f.yaml:3: keys.192.0.2.1.0: not a single value; write ADDRESS=FILE",
  ]);
  assertEquals(mistakes(() => client(FILE, "keys: 192.0.2.1\n")), [
    "micss: f.yaml:1: keys: not a list; write [ADDRESS=FILE, ...]",
  ]);
});

Deno.test("a client needs a server, a key or a database", () => {
  assertEquals(mistakes(() => client([])), [
    "micss client: no server; give at least one as NAME=HOST,HOST or a key to identify one with, or join one with micss join",
  ]);
  assertEquals(client(["--database", "/x.db"]).database, "/x.db");
  assertEquals(client(["--identify", "192.0.2.1=a"]).unknown, "reject");
  assertEquals(client(["--identify", "192.0.2.1=a", "--unknown", "direct"]).unknown, "direct");
  assertEquals(mistakes(() => client(["--identify", "192.0.2.1=a", "--unknown", "dirct"])), [
    'micss client: --unknown "dirct": unknown action; did you mean direct?',
  ]);
});

Deno.test("a forward leads to a configured server, or to a host within a key's scope", () => {
  const keys = ["--identify", "192.0.2.0/24=a", "--identify", "web.example=b", "--identify", "[2001:db8::1]=c"];
  const { forwards } = client([
    ...keys,
    ...["192.0.2.1:80", "web.example:80", "[2001:db8::1]:80"].flatMap((
      to,
      at,
    ) => ["--forward", `127.0.0.1:${8080 + at}=${to}`]),
  ]);
  assertEquals(forwards.map(({ server, port }) => [server, port]), [
    ["192.0.2.1", 80],
    ["web.example", 80],
    ["2001:db8::1", 80],
  ]);
  assertEquals(mistakes(() => client([...keys, "--forward", "127.0.0.1:8080=192.0.3.1:80"])).length, 1);
  // The content of a database is unknown before it is opened.
  assertEquals(client(["--database", "x", "--forward", "127.0.0.1:8080=192.0.3.1:80"]).forwards.length, 1);
});

Deno.test("a server's keys and announced addresses are flags or in the file", () => {
  const server = (args: string[], yaml = "") => parseConfig("micss server", serverSpec, args, () => yaml);
  const yaml = `
channels: [10.0.0.1, 10.0.0.2]
targets: {80: 127.0.0.1:8080}
keys: [/a.key, /b.key]
announce: [192.0.2.1, "[2001:db8::1]:7000"]
announce-for: 24h
`;
  const { keys, announce, announceFor } = server(FILE, yaml);
  assertEquals(keys, ["/a.key", "/b.key"]);
  assertEquals(announce, [{ host: "192.0.2.1", port: 6522 }, { host: "2001:db8::1", port: 7000 }]);
  assertEquals(announceFor, 86_400_000);
  const flags = ["--channel=10.0.0.1", "--channel=10.0.0.2", "--target=80=h:1", "--key=a", "--key=b"];
  assertEquals(server(flags).keys, ["a", "b"]);
  assertEquals(mistakes(() => server([...flags, "--announce=192.0.2.1", "--announce=192.0.2.2:0"])), [
    'micss server: --announce "192.0.2.2:0": port 0 is not allowed; write a port from 1 to 65535',
  ]);
});

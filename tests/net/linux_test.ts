import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Connection } from "../../src/net/connection.ts";
import { fileLimit, searchesSoFar } from "../../src/net/linux/descriptors.ts";
import { hasNativeHelper } from "../../src/net/linux/libc.ts";
import { systemNetwork, TcpConnection } from "../../src/net/system/tcp.ts";
import "../support/system/native.ts";
import { withPair } from "./network_contract.ts";

/** The programs of this test need no configuration and few permissions. */
const RUN = ["run", "--no-config", "--no-prompt", "--allow-net"];
const LINUX = Deno.build.os === "linux";

Deno.test({ name: "native help is available on Linux", ignore: !LINUX }, () => {
  assertEquals(hasNativeHelper(), { ok: true });
});

Deno.test({ name: "the limit of open files is the shell's", ignore: !LINUX }, async () => {
  const limit = (await run("sh", "-c", "ulimit -n")).trim();
  assertEquals(fileLimit(), limit === "unlimited" ? Infinity : Number(limit));
});

Deno.test(
  {
    name: "a single search serves all connections that end together, including those that the other side reset",
    ignore: !LINUX,
  },
  async () => {
    const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
    const { host: hostname, port } = listener.address;
    /** Dials with a wrong clue, as if another thread had taken the expected descriptor. */
    const dial = async () => new TcpConnection(await Deno.connect({ hostname, port }), 0);
    for (const resetByPeer of [true, false]) {
      const pairs: { dialled: Connection; accepted: Connection }[] = [];
      for (let count = 0; count < 100; count++) {
        const [dialled, accepted] = await Promise.all([dial(), listener.accept()]);
        pairs.push({ dialled, accepted: accepted! });
      }
      const read = pairs.map(({ accepted }) => accepted.read(new Uint8Array(1)).then(() => "end", ({ name }) => name));
      if (resetByPeer) pairs.forEach(({ accepted }) => accepted.reset());
      const before = searchesSoFar();
      pairs.forEach(({ dialled }) => dialled.reset());
      assertEquals(searchesSoFar() - before, 1);
      const expected = resetByPeer ? "Interrupted" : "ConnectionReset";
      assertEquals(new Set(await Promise.all(read)), new Set([expected]));
      pairs.forEach(({ accepted }) => accepted.close());
    }
    listener.close();
  },
);

Deno.test({ name: "dialled connections are found without a search", ignore: !LINUX }, async () => {
  const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
  let searches = 1;
  // Tests of other files run in this process, and may take a descriptor that a connection was to have.
  for (let tries = 0; tries < 10 && searches > 0; tries++) {
    const before = searchesSoFar();
    const dialled = await Promise.all(Array.from({ length: 20 }, () => systemNetwork.connect(listener.address)));
    const accepted = await Promise.all(dialled.map(() => listener.accept()));
    const read = accepted.map((connection) =>
      connection!.read(new Uint8Array(1)).then(() => "end", ({ name }) => name)
    );
    dialled.forEach((connection) => connection.reset());
    searches = searchesSoFar() - before;
    assertEquals(new Set(await Promise.all(read)), new Set(["ConnectionReset"]));
    accepted.forEach((connection) => connection!.close());
  }
  assertEquals(searches, 0);
  listener.close();
});

Deno.test(
  { name: "a dialled connection is found among hundreds of files and connections", ignore: !LINUX },
  async () => {
    await withPair(systemNetwork, "127.0.0.1", async (early, earlyServer) => {
      await using stack = new AsyncDisposableStack();
      for (let i = 0; i < 200; i++) stack.use(Deno.openSync("/dev/null"));
      const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
      stack.defer(() => listener.close());
      for (let i = 0; i < 50; i++) {
        const [client, server] = await Promise.all([systemNetwork.connect(listener.address), listener.accept()]);
        stack.defer(() => client.close());
        stack.defer(() => server!.close());
      }
      await withPair(systemNetwork, "127.0.0.1", async (late, lateServer) => {
        late.reset();
        await assertRejects(() => lateServer.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
      });
      // Other connections are unaffected.
      await early.write(Uint8Array.of(1));
      assertEquals(await earlyServer.read(new Uint8Array(1)), 1);
      early.reset();
      await assertRejects(() => earlyServer.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    });
  },
);

Deno.test("without FFI a reset is a close, and other functions name the missing permission", async () => {
  const printed = await run(Deno.execPath(), ...RUN, "--deny-ffi", "tests/net/without_ffi_program.ts");
  const why = LINUX ? "needs the permission --allow-ffi" : `needs Linux; this is ${Deno.build.os}`;
  assertEquals(JSON.parse(printed), {
    helper: { ok: false, why },
    limit: null,
    destination: `NotSupported: The original destination ${why}`,
    afterReset: null,
  });
});

/**
 * The cases of a tool share a network namespace with addresses of its own, networks that are routed back to it, and:
 *
 * ```text
 *  connect to port 80 --> nat OUTPUT --> REDIRECT to port 6522 --> listener --> "where were you going?"
 * ```
 */
const CASES = [
  ["over IPv4", "0.0.0.0:6522", ["192.0.2.1:80", "198.51.100.1:80"]],
  ["over IPv6", "[::1]:6522", ["[2001:db8::1]:80", "[2001:db8:f::1]:80"]],
  ["over IPv4 to an IPv6 socket", "[::]:6522", ["192.0.2.1:80", "198.51.100.1:80"]],
  ["to a link-local address, scope included", "[::]:6522", ["[fe80::5%1]:80"]],
  ["that was not redirected", "[::]:6522", ["192.0.2.1:6522", "[2001:db8::1]:6522"]],
] as const;

const NETWORK = `set -e
ip link set lo up
ip address add 192.0.2.1/32 dev lo
ip address add 2001:db8::1/128 dev lo nodad
ip address add fe80::5/64 dev lo nodad
ip route add 198.51.100.0/24 dev lo
ip -6 route add 2001:db8:f::/48 dev lo
`;

for (const flavour of ["legacy", "nft"]) {
  const missing = missingOf("unshare", "ip", `iptables-${flavour}`, `ip6tables-${flavour}`);
  const redirect = "-w -t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports 6522";
  const rules = `iptables-${flavour} ${redirect}\nip6tables-${flavour} ${redirect}\n`;
  let asked: Promise<string[]> | undefined;
  const answers = () => asked ??= askInNamespace(rules, CASES.map(([, at, destinations]) => [at, ...destinations]));
  let first = 0;
  for (const [what, , destinations] of CASES) {
    const from = first, to = first += destinations.length;
    const name = `the original destination of a connection ${what} (iptables-${flavour})`;
    Deno.test({ name: `${name}${missing}`, ignore: missing !== "" }, async () => {
      assertEquals((await answers()).slice(from, to), [...destinations]);
    });
  }
}

const missing = missingOf("unshare", "ip");
Deno.test({
  name: `without connection tracking an original destination is an error${missing}`,
  ignore: missing !== "",
}, async () => {
  const [answer] = await askInNamespace("", [["[::]:6522", "192.0.2.1:6522"]]);
  assertMatch(answer!, /^NotFound: No original destination: /);
});

/**
 * Runs redirected_program.ts in a network namespace with `rules`, and returns the lines that it prints.
 *
 * @param cases Each one's listening address, and the addresses to connect to.
 */
async function askInNamespace(rules: string, cases: readonly (readonly string[])[]): Promise<string[]> {
  const script = `${NETWORK}${rules}exec "$@"`;
  const args = cases.map((addresses) => JSON.stringify(addresses));
  const program = [Deno.execPath(), ...RUN, "--allow-ffi", "tests/net/redirected_program.ts", ...args];
  return (await run("unshare", "--net", "--", "sh", "-c", script, "sh", ...program)).trimEnd().split("\n");
}

/** Names missing requirements as a suffix for a test's name; empty if none are missing. */
function missingOf(...tools: string[]): string {
  const has = (tool: string) => new Deno.Command("sh", { args: ["-c", `command -v ${tool}`] }).outputSync().success;
  const needs = LINUX ? tools.filter((tool) => !has(tool)) : ["Linux"];
  if (LINUX && Deno.uid() !== 0) needs.unshift("root");
  return needs.length === 0 ? "" : `, ignored: needs ${needs.join(", ")}`;
}

/** Runs a command in the project's directory, and returns its standard output if it succeeds. */
async function run(command: string, ...args: string[]): Promise<string> {
  const cwd = new URL("../..", import.meta.url);
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, env: { NO_COLOR: "1" } }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${command} failed: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

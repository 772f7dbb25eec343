/** A client handler configured with one address and one key, with real programs: micss, curl, nginx, rules, NAT. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { Capture, type TcpStream } from "../support/system/capture.ts";
import { Handler, HANDLER_GROUP, micssCommand } from "../support/handlers/handlers.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { makeTempDir, type Outcome, run, type RunOptions } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { listenTo } from "../support/programs/tcp.ts";
import { assertResetsCurl, CURL } from "./core.ts";
import { asHandler } from "./paths.ts";
import { allRules, mustRules } from "./rules.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The length of a question (docs/PROTOCOL.md 7.1). */
const QUESTION_LENGTH = 41;

/** Runs a command of micss to completion. */
async function micss(where: RunOptions, ...args: string[]): Promise<Outcome> {
  return await run([...await micssCommand(), ...args], { cwd: ROOT, ...where });
}

/** Generates a key. @returns The server's file and the client's. */
async function keygen(directory: string, method: "hmac" | "ed25519"): Promise<{ server: string; client: string }> {
  const server = `${directory}/${method}.key`;
  await micss({}, "keygen", method, "--out", server);
  return { server, client: method === "hmac" ? server : `${server}.pub` };
}

/** Starts a server handler that answers identification requests. */
function startServer(
  channels: readonly Address[],
  target: string,
  key: string,
  where: RunOptions,
  more: string[] = [],
) {
  const flags = channels.flatMap((channel) => ["--channel", formatAddress(channel)]);
  return Handler.start("server", [...flags, "--target", `80=${target}`, "--key", key, ...more], where);
}

testWith(
  ["curl", "nginx"],
  "one address and one hmac key suffice, and the learned channels serve the next client too",
  async () => {
    await using directory = await makeTempDir();
    const { path } = directory;
    const key = await keygen(path, "hmac");
    const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    const port = freePort(...hosts);
    const [entry, target] = [0, 0].map(() => `127.0.0.1:${freePort("127.0.0.1")}`);
    await using nginx = await startNginx([target!]);
    await Deno.writeTextFile(`${nginx.root}/file`, "through the channels");
    const channels = hosts.map((host) => ({ host, port }));
    await using server = await startServer(channels, target!, key.server, {});
    const database = `${path}/state/channels.db`;
    const forward = ["--forward", `${entry}=127.0.0.1:80`, "--database", database];
    for (let client = 0; client < 2; client++) {
      await using client = await Handler.start("client", ["--identify", `127.0.0.1:${port}=${key.client}`, ...forward]);
      for (let connection = 0; connection < 2; connection++) {
        assertEquals((await run([...CURL, `http://${entry}/file`])).text(), "through the channels", client.describe());
      }
    }
    assertEquals((await server.waitForLogs(1, "channels announced")).length, 1, server.describe());

    const listed = (await micss({}, "channels", "list", "--database", database)).text();
    assertMatch(listed, new RegExp(`\\n127\\.0\\.0\\.1 +exchange .* ${channels.map(formatAddress).join(" ")}\\n$`));
    // Works without a key from the learned channels, and not at all once they are deleted.
    await using client = await Handler.start("client", forward);
    assertEquals((await run([...CURL, `http://${entry}/file`])).text(), "through the channels");
    await micss({}, "channels", "forget", "127.0.0.1", "--database", database);
    await assertResetsCurl(`http://${entry}/file`, {});
    await client.waitForLog("connection refused", { destination: "127.0.0.1:80" });
  },
);

Deno.test("a server with a different key is one line in the client's log, and a reset for the application", async () => {
  await using directory = await makeTempDir();
  const [ours, theirs] = [await keygen(directory.path, "hmac"), await keygen(directory.path, "ed25519")];
  const hosts = ["127.0.0.1", "127.0.0.2"];
  const port = freePort(...hosts), entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  await using server = await startServer(hosts.map((host) => ({ host, port })), "127.0.0.1:1", theirs.server, {});
  await using client = await Handler.start("client", [
    ...["--identify", `127.0.0.1:${port}=${ours.client}`, "--unknown", "direct"],
    ...["--forward", `${formatAddress(entry)}=127.0.0.1:80`, "--database", `${directory.path}/channels.db`],
  ]);
  assertEquals((await listenTo(entry)).ending, "reset");
  const reason = new RegExp(`^127\\.0\\.0\\.1:${port} did not identify its channels: the server handler has no key `);
  await client.waitForLog("connection refused", { reason });
  await server.waitForLog("channels not announced", { reason: "no such key" });
  assertEquals((await client.waitForLogs(1, /./, { level: /warn|error/ })).length, 1, client.describe());
});

const NEEDS = ["network namespaces", "nft", "tcpdump", "curl", "nginx"];

testWith(
  NEEDS,
  "two hosts, one address and one ed25519 key: curl reaches nginx by rules of our own, with one exchange",
  async () => {
    await using topology = await makeTopology();
    const { near, far } = topology;
    await using directory = await makeTempDir();
    const { path } = directory;
    const key = await keygen(path, "ed25519");
    await using nginx = await startNginx(["127.0.0.1:8080", "[::1]:8080"], far);
    await Deno.writeTextFile(`${nginx.root}/file`, "through the channels");
    const before = await allRules(near);
    for (const family of ["ipv4", "ipv6"] as const) {
      await assertOneExchange(family, topology, key, path);
      await mustRules(near, "remove");
      assertEquals(await allRules(near), before, family);
    }
  },
);

/** Asserts that a client learns the channels in one exchange, and that connections use them. @param path A directory. */
async function assertOneExchange(
  family: "ipv4" | "ipv6",
  topology: Topology,
  key: { server: string; client: string },
  path: string,
): Promise<void> {
  const { near, far, devices } = topology;
  const hosts = topology[family];
  const [any, all, loopback, first] = family === "ipv4"
    ? ["0.0.0.0", "0.0.0.0/0:80", "127.0.0.1", hosts[0]!]
    : ['"[::]"', "[::]/0:80", "[::1]", `[${hosts[0]}]`];
  const channels = hosts.map((host) => ({ host, port: 6522 }));
  await using _server = await startServer(channels, `${loopback}:8080`, key.server, far);
  const file = `${path}/${family}.yaml`;
  const yaml = `keys: {"${first}": ${key.client}}\nredirect: [${any}]\ndatabase: ${path}/${family}.db\n`;
  await Deno.writeTextFile(file, yaml);
  await using client = await Handler.start("client", ["--config", file], asHandler(near.within));
  await mustRules(near, "apply", "--config", file, "--take", all, "--exempt-gid", `${HANDLER_GROUP}`);

  await using captures = new AsyncDisposableStack();
  const running = await Promise.all(
    devices.map(async (device) => {
      return captures.use(await Capture.start(device, `${path}/${family}-${device}.pcap`, near));
    }),
  );
  for (let connection = 0; connection < 2; connection++) {
    const fetched = await run([...CURL, `http://${first}/file`], near);
    assertEquals(fetched.text(), "through the channels", client.describe());
  }
  const captured = await Promise.all(running.map((capture, at) => capture.finish(topology.ipv4[at]!)));
  assertEquals(captured.map((streams) => questionsIn(streams)), [1, 0, 0], family);
  assert(
    captured.every((streams) => streams.some(({ bytes }) => bytes[0] === 1)),
    `No association was seen, ${family}`,
  );
}

testWith([...NEEDS, "iptables"], "a server behind NAT is reachable only by its announced addresses", async () => {
  await using topology = await makeTopology();
  const { near, far, ipv4 } = topology;
  await using directory = await makeTempDir();
  const key = await keygen(directory.path, "hmac");
  await using nginx = await startNginx(["127.0.0.1:8080"], far);
  await Deno.writeTextFile(`${nginx.root}/file`, "through the channels");
  // Port 6522 is forwarded to port 7000.
  const rule = [
    "-t",
    "nat",
    "-A",
    "PREROUTING",
    "-p",
    "tcp",
    "--dport",
    "6522",
    "-j",
    "REDIRECT",
    "--to-ports",
    "7000",
  ];
  await run(["iptables", "-w", ...rule], far);
  const channels = ipv4.map((host) => ({ host, port: 7000 }));
  const announce = ipv4.flatMap((host) => ["--announce", host]);
  const flags = ["--identify", `${ipv4[0]}=${key.client}`, "--forward", `127.0.0.1:8080=${ipv4[0]}:80`];
  const start = (database: string) => {
    return Handler.start("client", [...flags, "--database", `${directory.path}/${database}`], near);
  };
  {
    await using _server = await startServer(channels, "127.0.0.1:8080", key.server, far, announce);
    await using client = await start("a.db");
    const fetched = await run([...CURL, "http://127.0.0.1:8080/file"], near);
    assertEquals(fetched.text(), "through the channels", client.describe());
  }
  await using _server = await startServer(channels, "127.0.0.1:8080", key.server, far);
  await using client = await start("b.db");
  await assertResetsCurl("http://127.0.0.1:8080/file", near);
  await client.waitForLog("connection refused", {
    reason: /the answer's token is wrong: .*\(see its setting announce\)$/,
  });
});

/** Number of identification requests on the network. */
function questionsIn(streams: readonly TcpStream[]): number {
  return streams.filter(({ to, bytes }) => to.endsWith(":6522") && bytes[0] === 2 && bytes.length === QUESTION_LENGTH)
    .length;
}

/** Faults that need a kernel: killed processes, exhausted files and disks. tests/faults has the others. */
import { assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { Handler, micssCommand, startClient, startPair, startServer } from "../support/handlers/handlers.ts";
import { bounded, makeTempDir, Program, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { applicationCommand } from "../support/programs/peer.ts";
import { connect, drain, flood, listenTo, pattern, readExactly, Target } from "../support/programs/tcp.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Sends a byte through and checks that it arrives. */
async function assertCarries(entry: Address, target: Target, of: { describe(): string }): Promise<void> {
  using application = await connect(entry);
  const served = await target.accept(of);
  await writeAll(application, Uint8Array.of(7));
  assertEquals(await readExactly(served, 1), Uint8Array.of(7));
  await application.closeWrite();
  await served.closeWrite();
  assertEquals([(await drain(application)).ending, (await drain(served)).ending], ["end", "end"]);
}

/** Waits until a handler has no more open files than before. */
async function assertFilesBack(handler: Handler, before: number): Promise<void> {
  const back = async () => {
    while (await handler.files() > before) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await bounded(back(), () => `${before} open files\n${handler.describe()}`);
}

/** The numbers of a process's next two files. */
async function freeFiles(pid: number): Promise<number[]> {
  const open = new Set((await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).map(({ name }) => Number(name)));
  return Array.from({ length: open.size + 2 }, (_, number) => number).filter((number) => !open.has(number)).slice(0, 2);
}

Deno.test("killing a server handler resets its sessions' applications, and a restart serves them again", async () => {
  using target = new Target();
  const port = freePort(...HOSTS);
  const channels = HOSTS.map((host) => ({ host, port }));
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const to = `80=${formatAddress(target.address)}`;
  await using client = await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`]);
  const files = await client.files();
  {
    await using server = await startServer(channels, to);
    using application = await connect(entry);
    const served = await target.accept(server);
    const sending = flood(served, pattern(64 * 1024));
    await readExactly(application, 1_000_000);
    server.signal("SIGKILL");
    await server.stop();
    assertEquals((await drain(application)).ending, "reset");
    await client.waitForLog("session reset", { reason: /^channel [123] \(127\.0\.0\.[123]:\d+\): / });
    assertMatch(await sending, /reset|BrokenPipe/);
  }
  assertEquals((await listenTo(entry)).ending, "reset");
  await client.waitForLog("session refused", { reason: /^channel [123] .*: Connection refused$/ });
  await assertFilesBack(client, files);
  await using server = await startServer(channels, to);
  await assertCarries(entry, target, server);
});

Deno.test("killing an application during a download resets its target, and leaves nothing open", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  await assertCarries(pair.entry, target, pair);
  const before = await Promise.all([pair.client.files(), pair.server.files()]);
  await using application = Program.start(applicationCommand("listen", formatAddress(pair.entry)));
  const served = await target.accept(pair);
  const sent = Promise.withResolvers<void>();
  const sending = flood(served, pattern(64 * 1024), { onWritten: () => sent.resolve() });
  await sent.promise;
  await application.stop("SIGKILL");
  assertMatch(await bounded(sending, () => pair.describe()), /reset|BrokenPipe/);
  await pair.client.waitForLog("session reset");
  await assertFilesBack(pair.client, before[0]);
  await assertFilesBack(pair.server, before[1]);
});

for (const who of ["client", "server"] as const) {
  const name = `a ${who} handler without free files says so, and continues once there are some`;
  testWith(["prlimit"], name, async () => {
    using target = new Target();
    await using pair = await startPair({ target: target.address });
    // An existing association leaves the server handler without a file for the target only.
    if (who === "server") await assertCarries(pair.entry, target, pair);
    const handler = pair[who];
    const pid = Number((await handler.waitForLog("ready")).pid);
    const limitFiles = (most: number) => run(["prlimit", `--pid=${pid}`, `--nofile=${most}:`]);
    // Leaves the client handler a file for the application, and none for the channels.
    await limitFiles(who === "client" ? (await freeFiles(pid))[1]! : 0);
    const outcome = bounded(listenTo(pair.entry), () => `the end of the application's connection\n${pair.describe()}`);
    assertEquals((await outcome).ending, "reset");
    await handler.waitForLog("session refused", { reason: /Too many open files$/ });
    await limitFiles(1024);
    await assertCarries(pair.entry, target, pair);
  });
}

testWith(["unshare"], "a full disk under the database loses the learned channels, not the session", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await makeTempDir());
  const micss = await micssCommand();
  const key = `${path}/web.key`;
  await run([...micss, "keygen", "hmac", "--out", key], { cwd: ROOT });
  using target = new Target();
  const port = freePort(...HOSTS);
  const flags = HOSTS.flatMap((host) => ["--channel", `${host}:${port}`]);
  const to = `80=${formatAddress(target.address)}`;
  const server = stack.use(await Handler.start("server", [...flags, "--target", to, "--key", key]));
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  await Deno.mkdir(`${path}/disk`);
  const full = `mount -t tmpfs -o size=4k,mode=700 tmpfs ${path}/disk && exec "$@"`;
  const client = stack.use(
    await Handler.start("client", [
      ...["--identify", `127.0.0.1:${port}=${key}`, "--database", `${path}/disk/channels.db`],
      ...["--forward", `${formatAddress(entry)}=127.0.0.1:80`],
    ], { within: ["unshare", "--mount", "--", "sh", "-c", full, "sh"] }),
  );
  for (let session = 0; session < 2; session++) await assertCarries(entry, target, server);
  await client.waitForLog("database not used", { reason: /full/ });
  assertEquals(
    (await server.waitForLogs(1, "channels announced")).length,
    1,
    "the learned channels were not kept in memory",
  );
});

/** A handler under systemd, played by a socket that records its messages. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler, micssCommand } from "../support/handlers/handlers.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { makeTempDir, Program, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { pattern, sha256, sha256OfFile } from "../support/programs/tcp.ts";
import { readUnit, withinFilter } from "../support/system/systemd_units.ts";
import { assertResetsCurl, CURL } from "./core.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const MANAGER = new URL("../support/system/service_manager.py", import.meta.url).pathname;

/** Starts a service manager that listens at `name`. */
async function startManager(name: string): Promise<Program> {
  const manager = Program.start(["python3", MANAGER, name]);
  await manager.waitForLine(/"listening"/);
  return manager;
}

/** The environment by which systemd announces itself. */
function environment(name: string, watchdog: number): Record<string, string> {
  return { NOTIFY_SOCKET: name, WATCHDOG_USEC: `${watchdog * 1000}` };
}

for (const abstract of [false, true]) {
  const kind = abstract ? "in the abstract namespace" : "at a path";
  testWith(
    ["python3"],
    `systemd receives readiness, the watchdog's keep-alives, a reload and the end over a socket ${kind}`,
    async () => {
      await using directory = await makeTempDir();
      const name = abstract ? `@${directory.path}` : `${directory.path}/notify`;
      await using manager = await startManager(name);
      const file = `${directory.path}/server.yaml`;
      const port = freePort("127.0.0.1", "127.0.0.2");
      const settings = `channels: ["127.0.0.1:${port}", "127.0.0.2:${port}"]\ntargets: {80: "127.0.0.1:1"}\n`;
      await Deno.writeTextFile(file, settings);
      await using handler = await Handler.start("server", ["--config", file], { env: environment(name, 200) });

      await manager.waitForLine(/^"READY=1\\nSTATUS=Ready"$/);
      const heartbeats = () => manager.lines.filter((line) => line === '"WATCHDOG=1"').length;
      const before = heartbeats();
      await manager.waitForLine(() => heartbeats() >= before + 3, "three signs of life");

      handler.signal("SIGHUP");
      const reloading = await manager.waitForLine(/RELOADING=1/);
      const time = Number(/MONOTONIC_USEC=(\d+)\\n/.exec(reloading)![1]);
      const uptime = Number((await Deno.readTextFile("/proc/uptime")).split(" ")[0]);
      assert(Math.abs(time / 1e6 - uptime) < 60, `${time} microseconds, up for ${uptime} seconds`);
      await manager.waitForLine(
        () => manager.lines.filter((line) => /READY=1/.test(line)).length === 2,
        "second READY",
      );
      await Deno.writeTextFile(file, `${settings}nonsense: 1\n`);
      handler.signal("SIGHUP");
      assertMatch(
        await manager.waitForLine(/previous settings/),
        /^"READY=1\\nSTATUS=Ready with the previous settings: micss: .*nonsense/,
      );

      assertEquals(await handler.end(), 0);
      await manager.waitForLine(/^"STOPPING=1\\nEXTEND_TIMEOUT_USEC=35000000\\n/);
    },
  );
}

testWith([], "a lost service manager is a line in the log", async () => {
  const port = freePort("127.0.0.1", "127.0.0.2");
  const flags = ["--channel", `127.0.0.1:${port}`, "--channel", `127.0.0.2:${port}`, "--target", "80=127.0.0.1:1"];
  await using handler = await Handler.start("server", flags, { env: environment("/nonexistent/notify", 1000) });
  const { level, reason } = await handler.waitForLog("service manager not notified");
  assertEquals([level, reason], ["warn", "NotSupported: can't be sent to /nonexistent/notify: errno 2"]);
});

testWith(
  ["curl", "nginx", "python3", "systemd-analyze"],
  "handlers work within the system calls and address families that their units allow",
  async () => {
    await using directory = await makeTempDir();
    const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    const port = freePort(...hosts);
    const channels = hosts.map((host) => ({ host, port }));
    const target = `127.0.0.1:${freePort("127.0.0.1")}`;
    const entry = `127.0.0.1:${freePort("127.0.0.1")}`;
    const flags = channels.flatMap((channel) => ["--channel", formatAddress(channel)]);
    await using server = await Handler.start(
      "server",
      [...flags, "--target", `80=${target}`, "--admin", `unix:${directory.path}/server.sock`],
      { within: await withinFilter(await readUnit("micss-server")) },
    );
    await using client = await Handler.start(
      "client",
      ["--server", `web=${channels.map(formatAddress)}`, "--forward", `${entry}=web:80`, "--database"]
        .concat(`${directory.path}/channels.db`, "--admin", `unix:${directory.path}/client.sock`),
      { within: await withinFilter(await readUnit("micss-client")) },
    );
    for (const handler of [server, client]) {
      const { pid } = await handler.waitForLog("ready");
      // 2 means a filter is active.
      assertMatch(await Deno.readTextFile(`/proc/${pid}/status`), /^Seccomp:\t2$/m);
    }
    await assertResetsCurl(`http://${entry}/file`, {});
    await using nginx = await startNginx([target]);
    const file = pattern(5_000_000);
    await Deno.writeFile(`${nginx.root}/file`, file);
    await run([...CURL, "--output", `${directory.path}/file`, `http://${entry}/file`]);
    assertEquals(await sha256OfFile(`${directory.path}/file`), sha256(file));
    for (const side of ["server", "client"]) {
      await run([...CURL, "--unix-socket", `${directory.path}/${side}.sock`, "http://admin/healthz"]);
    }
    assertEquals([await client.end(), await server.end()], [0, 0]);
  },
);

testWith(
  ["curl", "systemd-analyze"],
  "a scrape of a TCP address reaches a handler's UNIX socket through systemd's proxy",
  async () => {
    await using directory = await makeTempDir();
    const port = freePort("127.0.0.1", "127.0.0.2");
    const flags = ["--channel", `127.0.0.1:${port}`, "--channel", `127.0.0.2:${port}`, "--target", "80=127.0.0.1:1"];
    const socket = `${directory.path}/admin.sock`;
    await using _server = await Handler.start("server", [...flags, "--admin", `unix:${socket}`]);
    const address = `127.0.0.1:${freePort("127.0.0.1")}`;
    await using proxy = Program.start(
      ["systemd-socket-activate", "--listen", address, "/lib/systemd/systemd-socket-proxyd", socket],
    );
    await proxy.waitForLine(/Listening on/);
    const metrics = (await run([...CURL, `http://${address}/metrics`])).text();
    assertMatch(metrics, /^micss_info\{.*role="server"\} 1$/m);
  },
);

testWith(
  ["network namespaces"],
  "a handler whose address appears late fails with a status that makes systemd retry, and then starts",
  async () => {
    await using namespace = await Namespace.make();
    const flags = ["--channel", "192.0.2.1", "--channel", "192.0.2.2", "--target", "80=127.0.0.1:1"];
    const server = [...await micssCommand(), "server", ...flags];
    const { code, stderr } = await run(server, { ...namespace, cwd: ROOT, mayFail: true });
    assertMatch(stderr, /can't listen at 192\.0\.2\.1:6522: the address is not assigned to this machine/);
    assertEquals(code, 1);
    await namespace.ip("address add 192.0.2.1/24 dev lo", "address add 192.0.2.2/24 dev lo");
    await using handler = await Handler.start("server", flags, namespace);
    await handler.waitForLog("ready");
  },
);

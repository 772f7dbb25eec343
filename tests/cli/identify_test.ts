import "../support/system/native.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import { Database } from "../../src/identify/database.ts";
import { createKey, loadKey } from "../../src/identify/key_file.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import { silentLog } from "../../src/log/log.ts";
import { ServerHandler } from "../../src/server/mod.ts";
import { runMicss } from "../support/programs/cli.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { freePort } from "../support/programs/programs.ts";

/** Starts a server with a key on loopback, with files in a temporary directory. */
async function setUp() {
  const directory = await makeTempDir();
  const key = `${directory.path}/server.key`;
  const { id } = await createKey("ed25519", key, "");
  const port = freePort("127.0.0.1", "127.0.0.2");
  const flags = [
    `--channel=127.0.0.1:${port}`,
    `--channel=127.0.0.2:${port}`,
    "--target=80=127.0.0.1:1",
    `--key=${key}`,
  ];
  const config = parseConfig("micss server", serverSpec, flags, () => "");
  const server = new ServerHandler({
    config,
    keys: [await loadKey(key, "sign")],
    log: silentLog,
    system: { network: systemNetwork, clock: new FakeClock() },
  });
  const database = `${directory.path}/state/channels.db`;
  return {
    key,
    id: id.toHex(),
    port,
    path: directory.path,
    database,
    identify: (...args: string[]) => runMicss("identify", ...args, "--database", database),
    async [Symbol.asyncDispose]() {
      await server.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

Deno.test("identify asks a server, prints its channels and stores them", async () => {
  await using scene = await setUp();
  const { key, id, port, database } = scene;
  const { status, out, err } = await scene.identify(`127.0.0.1:${port}`, "--key", `${key}.pub`);
  assertEquals([status, err], [0, ""]);
  const [head, ...rest] = out.split("\n");
  assertMatch(head!, new RegExp(`^127\\.0\\.0\\.1 has 2 channels \\(key ${id}, valid until 20\\d\\d-.*Z\\):$`));
  assertEquals(rest, [`  127.0.0.1:${port}`, `  127.0.0.2:${port}`, `stored in ${database}`, ""]);
  using kept = new Database(database);
  assertEquals(kept.list().map(({ address, key, source }) => [address, key, source]), [["127.0.0.1", id, "exchange"]]);
});

Deno.test("identify --json writes to standard output only JSON that channels import accepts", async () => {
  await using scene = await setUp();
  const { key, id, port, path, database } = scene;
  const { status, out, err } = await scene.identify(`127.0.0.1:${port}`, "--key", `${key}.pub`, "--json");
  assertEquals([status, err], [0, `stored in ${database}\n`]);
  const { version, entries: [entry] } = JSON.parse(out);
  assertEquals([version, entry.address, entry.key], [1, "127.0.0.1", id]);
  assertEquals(entry.channels, [`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  Deno.writeTextFileSync(`${path}/entries.json`, out);
  const imported = await runMicss("channels", "import", `${path}/entries.json`, "--database", `${path}/other.db`);
  assertEquals([imported.status, imported.err], [0, "1 imported\n"]);
});

Deno.test("identify takes keys, port and database from a client's file, and resolves names in it", async () => {
  await using scene = await setUp();
  const { key, port, path } = scene;
  const file = `${path}/client.yaml`;
  const keys = `keys: {"localhost:${port}": ${key}.pub, "127.0.0.0/8:${port}": ${key}.pub}\n`;
  Deno.writeTextFileSync(file, `${keys}database: ${path}/other.db\nredirect: [127.0.0.1]\n`);
  const answer = await runMicss("identify", "127.0.0.2", "--config", file);
  assertEquals([answer.status, answer.err], [0, ""]);
  assertMatch(answer.out, new RegExp(`^127\\.0\\.0\\.2 has 2 channels[^]*\nstored in ${path}/other\\.db\n$`));
});

Deno.test("identify reports failure in one line, exits 1 and stores nothing", async () => {
  await using scene = await setUp();
  const { port, path, database } = scene;
  const other = `${path}/other.key`;
  const { id } = await createKey("hmac", other, "");
  assertEquals(await scene.identify(`127.0.0.1:${port}`, "--key", other), {
    status: 1,
    out: "",
    err:
      `micss identify: 127.0.0.1:${port} did not identify its channels: the server handler has no key ${id.toHex()}\n`,
  });
  const unused = freePort("127.0.0.1");
  assertEquals(await scene.identify(`127.0.0.1:${unused}`, "--key", other), {
    status: 1,
    out: "",
    err: `micss identify: 127.0.0.1:${unused} did not identify its channels: Connection refused\n`,
  });
  assertMatch((await scene.identify("nothing.invalid", "--key", other)).err, /^micss identify: nothing\.invalid: /);
  assertEquals([...Deno.readDirSync(path)].some(({ name }) => name === "state"), false, database);
});

Deno.test("channels that identify can't store are printed, and the status is 1", async () => {
  await using scene = await setUp();
  const { key, port, path } = scene;
  const file = `${path}/broken.db`;
  Deno.writeTextFileSync(file, "no database".repeat(1000), { mode: 0o600 });
  const args = [`127.0.0.1:${port}`, "--key", `${key}.pub`, "--database", file];
  const { status, out, err } = await runMicss("identify", ...args);
  assertEquals([status, out.split("\n").length], [1, 4]);
  assertMatch(err, /^micss identify: .*broken\.db: damaged, not used; delete it, .*\n$/);
});

Deno.test("bad input to identify is reported in one line and exits 2", async () => {
  await using scene = await setUp();
  const { key, path } = scene;
  const file = `${path}/client.yaml`;
  Deno.writeTextFileSync(file, `keys: {192.0.2.1: ${key}.pub}\n`);
  const cases: [string[], string][] = [
    [[], "micss identify: no address given; write micss identify ADDRESS --key FILE"],
    [["192.0.2.1"], 'micss identify: "192.0.2.1": no key given; give one with --key FILE'],
    [
      ["192.0.2.2", "--config", file],
      `micss identify: "192.0.2.2": no key for it in ${file}; give one with --key FILE`,
    ],
    [["::1", "--key", key], 'micss identify: not an address: "::1"; write an IPv6 address as [::1]'],
    [["a", "b"], 'micss identify: "b": unexpected second argument; give only one'],
    [
      ["192.0.2.1", "--key", key],
      `micss identify: key "${key}": the private half, which only its owner has; give the public half, FILE.pub`,
    ],
  ];
  for (const [args, line] of cases) {
    assertEquals(await runMicss("identify", ...args), { status: 2, out: "", err: `${line}\n` });
  }
});

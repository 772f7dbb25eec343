import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Database, DatabaseError, defaultDatabasePath } from "../../src/identify/database.ts";
import type { DatabaseEntry } from "../../src/identify/entry.ts";
import { bounded, makeTempDir, Program } from "../support/programs/process.ts";

const WRITER = new URL("database_program.ts", import.meta.url).pathname;

function entry(address: string, port = 6522): DatabaseEntry {
  const channels = [{ host: address, port }, { host: "2001:db8::1", port }];
  return { address, channels, source: "exchange", learned: 1000, expires: 2000, key: "0123456789abcdef" };
}

/** Starts another writing process, which reports its first write. */
async function startWriter(path: string, ...args: string[]): Promise<Program> {
  const writer = Program.start([Deno.execPath(), "run", "-q", "-A", "--no-lock", WRITER, path, ...args]);
  await writer.waitForLine(/writing/);
  return writer;
}

Deno.test("stored entries are found by every process that opens the file", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/a/b/channels.db`;
  const [one, two] = [entry("192.0.2.1"), { ...entry("192.0.2.2"), expires: null, key: null }];
  {
    using database = new Database(path);
    assertEquals([database.find("192.0.2.1"), database.list()], [undefined, []]);
    database.put([two, one]);
    using other = new Database(path);
    assertEquals([other.find("192.0.2.1"), other.find("192.0.2.2"), other.list()], [one, two, [one, two]]);
    other.put([entry("192.0.2.1", 7000)]);
    assertEquals(database.find("192.0.2.1"), entry("192.0.2.1", 7000));
  }
  using database = new Database(path);
  assertEquals([database.forget("192.0.2.1"), database.forget("192.0.2.1"), database.list()], [1, 0, [two]]);
  database.put([one]);
  assertEquals([database.forget(), database.list()], [2, []]);
});

Deno.test("the file is private to its owner, and so is a directory created for it", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/a/channels.db`;
  using _ = new Database(path);
  assertEquals([path, `${directory.path}/a`].map((one) => Deno.statSync(one).mode! & 0o777), [0o600, 0o700]);
});

Deno.test("a file that others can access, or plant a journal next to, is not used", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  new Database(path).close();
  for (const mode of [0o640, 0o604, 0o620, 0o602]) {
    Deno.chmodSync(path, mode);
    assertThrows(() => new Database(path), DatabaseError, `accessible to users other than its owner`);
  }
  Deno.chmodSync(path, 0o600);
  for (const mode of [0o770, 0o707, 0o1777]) {
    Deno.chmodSync(directory.path, mode);
    assertThrows(() => new Database(path), DatabaseError, "other users can write to its directory");
  }
  Deno.chmodSync(directory.path, 0o755);
  new Database(path).close();
});

Deno.test("without permission to create a file, none is created", async () => {
  await using directory = await makeTempDir();
  assertThrows(() => new Database(`${directory.path}/x`, { create: false }), DatabaseError, "no such file");
  assertEquals([...Deno.readDirSync(directory.path)], []);
});

Deno.test("a directory, another program's database, a later version or a file of another kind is not used", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  const put = (make: () => void, message: string) => {
    make();
    Deno.chmodSync(path, 0o600);
    assertThrows(() => new Database(path), DatabaseError, message);
    Deno.removeSync(path, { recursive: true });
  };
  const sqlite = (sql: string) => () => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  put(() => Deno.writeTextFileSync(path, "channels:\n".repeat(1000)), "damaged, not used; delete it");
  put(sqlite("CREATE TABLE channels (a)"), "belongs to another program; give another file");
  put(sqlite("PRAGMA application_id = 7; CREATE TABLE channels (a)"), "belongs to another program");
  put(sqlite("PRAGMA application_id = 0x4d494353; PRAGMA user_version = 2; CREATE TABLE x (a)"), "has version 2");
  put(() => Deno.mkdirSync(path), "not writable");
});

Deno.test("a read-only file is not used", async () => {
  await using directory = await makeTempDir();
  Deno.writeTextFileSync(`${directory.path}/file`, "");
  assertThrows(() => new Database(`${directory.path}/file/channels.db`), DatabaseError);
  assertThrows(() => new Database("/proc/micss/channels.db"), DatabaseError);
});

Deno.test("a database with any byte changed returns what was stored, or nothing", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  const entries = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((address) => entry(address));
  {
    using database = new Database(path);
    database.put(entries);
  }
  const whole = Deno.readFileSync(path);
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    // Zeros are mostly unused space.
    if (whole[at] === 0 && at % 97 > 0) continue;
    const changed = whole.slice();
    changed[at]! ^= 0x15;
    Deno.writeFileSync(path, changed);
    try {
      using database = new Database(path);
      for (const one of entries) {
        const found = database.find(one.address);
        if (found !== undefined) assertEquals(found, one);
      }
    } catch (error) {
      assert(error instanceof DatabaseError, `byte ${at}: ${error}`);
      refused++;
    }
  }
  assert(refused > 300, `Only ${refused} refused`);
});

Deno.test("a truncated database returns what was stored, or nothing", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  {
    using database = new Database(path);
    database.put([entry("192.0.2.1")]);
  }
  const whole = Deno.readFileSync(path);
  for (const length of [1, 50, 100, 512, 4095, 4096, whole.length - 1]) {
    Deno.writeFileSync(path, whole.subarray(0, length));
    const find = () => {
      using database = new Database(path);
      return database.find("192.0.2.1");
    };
    assertThrows(find, DatabaseError, "damaged", String(length));
  }
  // An empty file is the result of a crash right after the start.
  Deno.writeFileSync(path, new Uint8Array(0));
  using database = new Database(path);
  assertEquals(database.list(), []);
});

Deno.test("several processes may write at once without losing anything", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  const writers = await Promise.all([1, 2, 3].map((writer) => startWriter(path, String(writer), "50")));
  const codes = await bounded(Promise.all(writers.map(({ exited }) => exited)), () => writers[0]!.describe());
  assertEquals(codes, [0, 0, 0]);
  using database = new Database(path);
  assertEquals(database.list().length, 150);
});

Deno.test("a process killed during its writes leaves an intact database", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  for (let round = 0; round < 5; round++) {
    const writer = await startWriter(path, "9", "1000000");
    await new Promise((resolve) => setTimeout(resolve, 20 + 17 * round));
    assertEquals(await writer.stop("SIGKILL"), 137);
    using database = new Database(path);
    const addresses = database.list().map(({ address }) => address);
    // Each write has two entries: all or none.
    assert(addresses.length >= 2 && addresses.length % 2 === 0, `${addresses.length} entries`);
  }
});

Deno.test("waiting for another process that locks the database is bounded", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  using database = new Database(path, { patience: 50 });
  const holder = new DatabaseSync(path);
  holder.exec("BEGIN IMMEDIATE");
  assertThrows(() => database.put([entry("192.0.2.1")]), DatabaseError, "locked for too long by another process");
  holder.exec("ROLLBACK");
  holder.close();
  database.put([entry("192.0.2.1")]);
  assertEquals(database.list().length, 1);
});

Deno.test("the default path follows the environment; root's is the system's", () => {
  const at = (env: Record<string, string>, uid: number) => defaultDatabasePath((name) => env[name], uid);
  assertEquals(at({ XDG_STATE_HOME: "/s", HOME: "/home/a" }, 0), "/s/micss/channels.db");
  assertEquals(at({ XDG_STATE_HOME: "/s" }, 1000), "/s/micss/channels.db");
  assertEquals(at({ HOME: "/root" }, 0), "/var/lib/micss/channels.db");
  assertEquals(at({ HOME: "/home/a" }, 1000), "/home/a/.local/state/micss/channels.db");
  // Relative paths must be ignored (XDG base directory specification).
  assertEquals(at({ XDG_STATE_HOME: "s", HOME: "/home/a" }, 1000), "/home/a/.local/state/micss/channels.db");
  assertEquals(at({}, 1000), "/var/lib/micss/channels.db");
});

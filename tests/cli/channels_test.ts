import { assertEquals, assertMatch } from "@std/assert";
import { Database } from "../../src/identify/database.ts";
import type { DatabaseEntry } from "../../src/identify/entry.ts";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir } from "../support/programs/process.ts";

const FUTURE = Date.UTC(2100, 0, 1), PAST = Date.UTC(2020, 0, 1);

function entry(address: string, expires: number | null): DatabaseEntry {
  const channels = [{ host: address, port: 6522 }, { host: "2001:db8::1", port: 7000 }];
  return { address, channels, source: "exchange", learned: PAST, expires, key: "0123456789abcdef" };
}

/** Makes a database with entries, and a function that runs `micss channels` on it. */
async function setUp(...entries: DatabaseEntry[]) {
  const directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  if (entries.length > 0) {
    using database = new Database(path);
    database.put(entries);
  }
  return {
    directory: directory.path,
    path,
    run: (...args: string[]) => runMicss("channels", ...args, "--database", path),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

Deno.test("list prints a table", async () => {
  await using scene = await setUp(
    entry("192.0.2.10", FUTURE),
    entry("192.0.2.9", PAST + 1000),
    { ...entry("2001:db8::9", null), source: "import", key: null },
  );
  assertEquals(await scene.run("list"), {
    status: 0,
    err: "",
    out: `\
ADDRESS      FROM      KEY               LEARNED               EXPIRES                         CHANNELS
192.0.2.10   exchange  0123456789abcdef  2020-01-01T00:00:00Z  2100-01-01T00:00:00Z            192.0.2.10:6522 [2001:db8::1]:7000
192.0.2.9    exchange  0123456789abcdef  2020-01-01T00:00:00Z  2020-01-01T00:00:01Z (expired)  192.0.2.9:6522 [2001:db8::1]:7000
2001:db8::9  import    -                 2020-01-01T00:00:00Z  never                           [2001:db8::9]:6522 [2001:db8::1]:7000
`,
  });
});

Deno.test("list --json and export print the same JSON", async () => {
  await using scene = await setUp(entry("192.0.2.10", FUTURE));
  const listed = await scene.run("list", "--json");
  assertEquals([listed.status, listed.err], [0, ""]);
  assertEquals(JSON.parse(listed.out), {
    version: 1,
    entries: [{
      address: "192.0.2.10",
      channels: ["192.0.2.10:6522", "[2001:db8::1]:7000"],
      source: "exchange",
      learned: "2020-01-01T00:00:00.000Z",
      expires: "2100-01-01T00:00:00.000Z",
      key: "0123456789abcdef",
    }],
  });
  assertEquals(await scene.run("export"), listed);
});

Deno.test("without a database the list is empty, and no database is created", async () => {
  await using scene = await setUp();
  assertEquals(await scene.run("list"), { status: 0, out: "", err: `no learned channels in ${scene.path}\n` });
  assertEquals(JSON.parse((await scene.run("export")).out), { version: 1, entries: [] });
  assertEquals(await scene.run("forget", "--all"), { status: 0, out: "", err: "0 forgotten\n" });
  assertEquals([...Deno.readDirSync(scene.directory)], []);
});

Deno.test("forget removes one address, or all", async () => {
  await using scene = await setUp(...["192.0.2.1", "192.0.2.2", "2001:db8::3"].map((one) => entry(one, FUTURE)));
  assertEquals(await scene.run("forget", "2001:DB8:0::3"), { status: 0, out: "", err: "1 forgotten\n" });
  assertEquals(await scene.run("forget", "192.0.2.9"), { status: 1, out: "", err: "0 forgotten\n" });
  assertEquals(await scene.run("forget", "--all"), { status: 0, out: "", err: "2 forgotten\n" });
  assertEquals((await scene.run("list")).out, "");
});

Deno.test("exported entries can be imported elsewhere, except expired ones", async () => {
  await using from = await setUp(entry("192.0.2.1", FUTURE), entry("192.0.2.2", PAST + 1), entry("192.0.2.3", null));
  await using to = await setUp(entry("192.0.2.1", FUTURE + 1000), entry("192.0.2.9", FUTURE));
  const file = `${from.directory}/channels.json`;
  Deno.writeTextFileSync(file, (await from.run("export")).out);
  const err = "2 imported, 1 expired and skipped\n";
  assertEquals(await to.run("import", file), { status: 0, out: "", err });
  using database = new Database(to.path);
  assertEquals(database.list(), [
    { ...entry("192.0.2.1", FUTURE), source: "import" },
    { ...entry("192.0.2.3", null), source: "import" },
    entry("192.0.2.9", FUTURE),
  ]);
});

Deno.test("a malformed file is reported in one line and exits 2, with nothing imported", async () => {
  await using scene = await setUp();
  const file = `${scene.directory}/channels.json`;
  const good = '{"address": "192.0.2.1", "channels": ["192.0.2.1", "192.0.2.2"]}';
  const cases: [string, string][] = [
    ['{"version": 1,\n "entries": [}', `micss: ${file}:2: not JSON; write what micss channels export writes`],
    [
      `{"version": 1, "entries": [${good}, {"address": "web"}]}`,
      `micss: ${file}: entries[1].address: not an IP address; write one, without a port`,
    ],
  ];
  for (const [text, line] of cases) {
    Deno.writeTextFileSync(file, text);
    assertEquals(await scene.run("import", file), { status: 2, out: "", err: `${line}\n` });
  }
  assertMatch((await scene.run("import", `${file}x`)).err, /^micss channels import: ".*": no such file/);
  assertEquals((await scene.run("list")).out, "");
});

Deno.test("an unusable database is reported in one line and exits 1", async () => {
  await using scene = await setUp();
  Deno.writeTextFileSync(scene.path, "no database".repeat(1000), { mode: 0o600 });
  for (const args of [["list"], ["export"], ["forget", "--all"]]) {
    assertEquals(await scene.run(...args), {
      status: 1,
      out: "",
      err: `micss channels: ${scene.path}: damaged, not used; delete it, as its contents can be learned again\n`,
    });
  }
});

Deno.test("bad input to channels is reported in one line and exits 2", async () => {
  const cases: [string[], string][] = [
    [[], "micss channels: no action given; write micss channels list|forget|import|export"],
    [["lsit"], 'micss channels: "lsit": unknown action; did you mean list?'],
    [["list", "x"], 'micss channels list: "x": not accepted here; see micss channels --help'],
    [["export", "--json"], "micss channels export: --json: not accepted here; see micss channels --help"],
    [["list", "--all"], "micss channels list: --all: not accepted here; see micss channels --help"],
    [["forget"], "micss channels forget: no address given; give either an address or --all"],
    [
      ["forget", "192.0.2.1", "--all"],
      "micss channels forget: both an address and --all given; give either an address or --all",
    ],
    [
      ["forget", "web"],
      'micss channels forget: "web": not an IP address; write one as micss channels list shows it',
    ],
    [["import"], "micss channels import: no file given; write micss channels import FILE"],
    [["import", "a", "b"], 'micss channels import: "b": unexpected second argument; give only one'],
    [["list", "--jsn"], "micss channels list: --jsn: unknown flag; did you mean --json?"],
  ];
  for (const [args, line] of cases) {
    const { status, out, err } = await runMicss("channels", ...args);
    assertEquals([status, out, err], [2, "", `${line}\n`]);
  }
});

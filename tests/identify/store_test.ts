import { assertEquals } from "@std/assert";
import { Database, DatabaseError } from "../../src/identify/database.ts";
import type { DatabaseEntry } from "../../src/identify/entry.ts";
import { type OpenDatabase, Store } from "../../src/identify/store.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { Lines } from "../support/handlers/world.ts";

function entry(address: string, port = 6522): DatabaseEntry {
  const channels = [{ host: address, port }, { host: "2001:db8::1", port }];
  return { address, channels, source: "exchange", learned: 1000, expires: 2000, key: null };
}

const [A, B] = [entry("192.0.2.1"), entry("192.0.2.2")];

Deno.test("nothing is created or opened before there is something to store", async () => {
  await using directory = await makeTempDir();
  const lines = new Lines();
  const store = new Store(`${directory.path}/a/channels.db`, new FakeClock(), lines.log);
  assertEquals(store.find(A.address), undefined);
  assertEquals([...Deno.readDirSync(directory.path)], []);
  store.keep(A);
  assertEquals(store.find(A.address), A);
  store.close();
  assertEquals([store.unusable, lines.all], [undefined, []]);
});

Deno.test("changes by other processes take effect at once", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  const store = new Store(path, new FakeClock(), new Lines().log);
  assertEquals(store.find(A.address), undefined);
  using other = new Database(path);
  other.put([A]);
  assertEquals(store.find(A.address), A);
  other.put([entry(A.address, 7000)]);
  assertEquals(store.find(A.address), entry(A.address, 7000));
  other.forget();
  assertEquals(store.find(A.address), undefined);
  store.close();
});

Deno.test("an unusable database is logged once a minute, with entries kept in memory meanwhile", async () => {
  const clock = new FakeClock(), lines = new Lines();
  let broken = true;
  const kept = new Map<string, DatabaseEntry>();
  const open: OpenDatabase = () => {
    if (broken) throw new DatabaseError("damaged, not used");
    return {
      find: (address) => kept.get(address),
      put: (entries) => entries.forEach((one) => kept.set(one.address, one)),
      close: () => {},
    };
  };
  await using directory = await makeTempDir();
  const path = `${directory.path}/channels.db`;
  Deno.writeTextFileSync(path, "");
  const store = new Store(path, clock, lines.log, open);
  store.keep(A);
  assertEquals([store.find(A.address), store.find(B.address), kept.size], [A, undefined, 0]);
  assertEquals(lines.warnings(), [["database not used", "damaged, not used"]]);
  assertEquals(lines.all[0]!["path"], path);
  assertEquals(store.unusable, "damaged, not used");
  await clock.advance(59_999);
  store.find(B.address);
  assertEquals(lines.all.length, 1);
  await clock.advance(1);
  store.find(B.address);
  assertEquals([lines.all.length, store.unusable], [2, "damaged, not used"]);
  broken = false;
  await clock.advance(60_000);
  store.keep(B);
  assertEquals([store.unusable, [...kept.keys()], store.find(A.address)], [undefined, [B.address], A]);
});

Deno.test("memory keeps at most a thousand entries", () => {
  const open: OpenDatabase = () => {
    throw new DatabaseError("can't be written");
  };
  const store = new Store("/nonexistent/channels.db", new FakeClock(), new Lines().log, open);
  const entries = Array.from({ length: 1025 }, (_, at) => entry(`10.0.${at >> 8}.${at & 255}`));
  entries.forEach((one) => store.keep(one));
  assertEquals(entries.filter(({ address }) => store.find(address) !== undefined).length, 1024);
  assertEquals(store.find(entries[0]!.address), undefined);
});

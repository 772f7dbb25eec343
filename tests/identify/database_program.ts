/** Stores pairs of entries in database PATH as WRITER, until at least COUNT are stored or it is killed. */
import { Database } from "../../src/identify/database.ts";
import type { DatabaseEntry } from "../../src/identify/entry.ts";

const [path = "", writer = "", count = ""] = Deno.args;
using database = new Database(path, { patience: 20_000 });
for (let at = 0; at < Number(count); at += 2) {
  const pair = [at, at + 1].map((one): DatabaseEntry => {
    const address = `10.${writer}.${(one >> 8) % 256}.${one % 256}`;
    const channels = [{ host: address, port: 1 }, { host: "2001:db8::1", port: 1 }];
    return { address, channels, source: "exchange", learned: 0, expires: null, key: null };
  });
  database.put(pair);
  if (at === 0) console.log("writing");
}

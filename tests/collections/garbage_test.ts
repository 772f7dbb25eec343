/** Items that come to a collection and soon go are collected with the young garbage: the reason for `src/collections`. */
import { assert } from "@std/assert";
import { List } from "../../src/collections/list.ts";
import { SlotMap } from "../../src/collections/slot_map.ts";
import { makeTempDir, run } from "../support/programs/process.ts";

/** Objects that come, each of some 16 kB; 50 are there at a time. */
const COUNT = 20_000, PRESENT = 50;

/**
 * The program that is measured: adds and removes with `how`, a part of this file. Its own collection, early on, moves to the
 * old generation what is there, as happens to some tables sooner or later.
 */
const PROGRAM = `
const [how] = Deno.args;
const list = new List(), places = [], map = new SlotMap(), builtIn = new Map();
for (let count = 0; count < ${COUNT}; count++) {
  const item = { parts: Array.from({ length: 400 }, (_, index) => ({ index })) };
  if (how === "list") {
    places.push(list.add(item));
    if (places.length > ${PRESENT}) list.remove(places.shift());
  } else {
    const to = how === "map" ? map : builtIn;
    to.set(count, item);
    to.delete(count - ${PRESENT});
  }
  if (count === ${2 * PRESENT}) gc();
}
`;

/** Number of collections of the old generation while objects come and go, beside the program's own. */
async function majorCollections(how: "list" | "map" | "builtIn"): Promise<number> {
  const program = `${List}\n${SlotMap}\n${PROGRAM}`;
  const flags = "--v8-flags=--trace-gc,--expose-gc,--max-semi-space-size=8";
  await using directory = await makeTempDir();
  const path = `${directory.path}/program.js`;
  await Deno.writeTextFile(path, program);
  const { stdout } = await run([Deno.execPath(), "run", "-q", flags, path, how]);
  return [...new TextDecoder().decode(stdout).matchAll(/Mark-Compact/g)].length - 1;
}

Deno.test("objects that come to a collection and go soon are not moved to the old generation", async () => {
  const found = await Promise.all((["list", "map", "builtIn"] as const).map(majorCollections));
  const [list, map, builtIn] = found as [number, number, number];
  // Otherwise the engine has changed, and these collections are not needed any more.
  assert(builtIn >= 4, `a Map's take ${builtIn} collections`);
  assert(list <= 1 && map <= 1, `they take ${list} and ${map}`);
});

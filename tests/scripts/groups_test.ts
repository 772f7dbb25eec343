import { assert, assertEquals } from "@std/assert";
import { group, testFiles } from "../../scripts/groups.ts";
import { walk } from "../support/walk.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("long files have a group each; others share one with at most seven of their directory", () => {
  const files = Array.from({ length: 9 }, (_, at) => `tests/a/${at}_test.ts`);
  const groups = group(["tests/b/long_test.ts", ...files, "tests/b/c/x_test.ts"], ["tests/b/long_test.ts"]);
  assertEquals(groups.map(({ name, files }) => [name, files.length]), [
    ["long_test.ts", 1],
    ["a1.ts", 5],
    ["a2.ts", 4],
    ["b1.ts", 1],
  ]);
});

Deno.test("long files and end to end tests, at most three in a group, start in turn with others", () => {
  const files = ["a/1", "e2e/1", "e2e/2", "e2e/3", "e2e/4", "e2e/5", "z/1"].map((name) => `tests/${name}_test.ts`);
  const groups = group(files, ["tests/e2e/3_test.ts"]);
  assertEquals(groups.map(({ name, files }) => [name, files.length]), [
    ["3_test.ts", 1],
    ["a1.ts", 1],
    ["e2e1.ts", 2],
    ["z1.ts", 1],
    ["e2e2.ts", 2],
  ]);
});

Deno.test("the suite's groups have all test files, once, and names of their own", async () => {
  const groups = group(await testFiles());
  const found = await Array.fromAsync(walk(new URL("tests/", ROOT), "_test.ts"), ({ path }) => `tests/${path}`);
  assertEquals(groups.flatMap(({ files }) => files).sort(), found.sort());
  assertEquals(new Set(groups.map(({ name }) => name)).size, groups.length);
  assert(groups.every(({ files }) => files.length > 0));
});

Deno.test("no test file is outside of tests/", async () => {
  for (const directory of ["src/", "scripts/", "bench/", "deploy/"]) {
    assertEquals(await Array.fromAsync(walk(new URL(directory, ROOT), "_test.ts"), ({ path }) => path), []);
  }
});

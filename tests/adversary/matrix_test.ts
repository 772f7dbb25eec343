/**
 * The adversary of n-1 channels against real handlers: a sample of the matrix. `deno task adversary` runs the whole matrix.
 */
import { assert, assertEquals } from "@std/assert";
import { ATTACKS } from "./attacks.ts";
import { cells, contrast, nameOf, runCells, sample } from "./matrix.ts";

/** Maximum number of cells of each family. */
const MOST = 500;

for (const [family, attacks] of Object.entries(ATTACKS)) {
  const some = sample(attacks, MOST, 1);
  const all = cells(attacks, 1).length;

  Deno.test(`an owner of n-1 channels gains nothing by ${family}: ${some.length} cells of ${all}`, async () => {
    assertEquals(await runCells(some), []);
  });

  const succeeding = contrast(attacks, 1);
  if (succeeding.length === 0) continue;

  Deno.test(`an owner of all channels succeeds by ${family}: ${succeeding.length} cells`, async () => {
    assertEquals(await runCells(succeeding), []);
  });
}

Deno.test("a sample covers every number of channels, and every honest one", () => {
  for (const attacks of Object.values(ATTACKS)) {
    if (attacks.length < 100) continue;
    const have = new Set(sample(attacks, MOST, 1).map(({ channels, honest }) => `${channels} ${honest}`));
    assertEquals(have.size, 2 + 3 + 4 + 5);
  }
});

Deno.test("every cell has a unique name", () => {
  const all = Object.values(ATTACKS).flatMap((attacks) => cells(attacks, 1)).map(nameOf);
  assertEquals(new Set(all).size, all.length);
  assert(all.length > 90_000);
});

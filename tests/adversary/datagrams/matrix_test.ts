/**
 * The adversary of fewer channels than are needed, against datagrams of real handlers: a sample of the matrix. `deno task
 * adversary` runs all of it.
 */
import { assert, assertEquals } from "@std/assert";
import { DATAGRAM_ATTACKS } from "./attacks.ts";
import { datagramCells, nameOfDatagramCell, runDatagramCells, sampleOfDatagrams } from "./matrix.ts";

/** Maximum number of cells of each family. */
const MOST = 8;

for (const [family, attacks] of Object.entries(DATAGRAM_ATTACKS)) {
  const some = sampleOfDatagrams(attacks, MOST, 1), all = datagramCells(attacks, 1);

  Deno.test(`datagrams: an owner of k-1 channels gains nothing by ${family}: ${some.length} cells of ${all.length}`, async () => {
    assertEquals(await runDatagramCells(some), []);
  });
}

Deno.test("datagrams: every set of channels that is too small is tried, and every cell has a unique name", () => {
  const all = Object.values(DATAGRAM_ATTACKS).flatMap((attacks) => datagramCells(attacks, 1));
  assertEquals(new Set(all.map(nameOfDatagramCell)).size, all.length);
  const sets = new Set(all.map(({ channels, threshold, owned }) => `${threshold} of ${channels}: ${owned}`));
  // One of two; one or two of three; one of three where two suffice; one or two of four where three do.
  assertEquals(sets.size, 2 + 6 + 3 + 10);
  assert(all.length > 600, `${all.length}`);
});

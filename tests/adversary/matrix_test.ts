/**
 * The adversary of n-1 channels against real handlers: a sample of the matrix. `deno task adversary` runs the whole matrix.
 */
import { assert, assertEquals } from "@std/assert";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { shareLength } from "../../src/short/layout.ts";
import type { Attack } from "./attack.ts";
import { ATTACKS } from "./attacks.ts";
import { runCell } from "./cell.ts";
import { bodiesOf, clientSides, directions } from "./evidence.ts";
import { isRecord } from "./fields.ts";
import { cells, contrast, nameOf, runCells, sample } from "./matrix.ts";
import { units } from "./steps.ts";

/** Maximum number of cells of each family. */
const MOST = 200;

/** The same of a family of many attacks: four of each of the 26 cells that an attack on one channel has. */
const MOST_OF_MANY = 104;

/** The same of a family with short shares: other tests try all content, and other families what is not of shares. */
const MOST_SHORT = 52;

/** Number of attacks of which a sample of {@linkcode MOST} cells has one in three at best. */
const MANY = 500;

/** Maximum number of cells of a family: the smaller one if it has all attacks as well, or few of them in either case. */
function most(attacks: readonly Attack[]): number {
  const isCovered = attacks.length < MOST_OF_MANY && cells(attacks, 1).length > MOST;
  if (attacks[0]!.short) return MOST_SHORT;
  return attacks.length > MANY || isCovered ? MOST_OF_MANY : MOST;
}

for (const [family, attacks] of Object.entries(ATTACKS)) {
  const some = sample(attacks, most(attacks), 1);
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

const PLANS = [false, true].flatMap((short) =>
  ([undefined, "same client", "other client"] as const).map((second) => [second, short] as const)
);

for (const [second, short] of PLANS) {
  const what = `${second ?? "a single client"}${short ? ", short shares" : ""}`;
  Deno.test(`what passes on each channel is as planned in steps.ts, ${what}`, async () => {
    const options = { ...second && { second }, ...short && { short } };
    const listening: Attack = { name: "listens", steps: [], act: ({ bytes }) => [bytes], ...options };
    const evidence = await runCell({ attack: listening, channels: 3, honest: 2, balancer: "all", seed: 1 });
    for (const side of clientSides(evidence).filter(({ ends }) => ends[0]!.owner !== "carol")) {
      for (const { name, taken } of directions(evidence, side)) {
        const plan = { channels: 3, shared: second !== "same client", short };
        const planned = units(name, plan).filter(({ step }) => isRecord(step));
        const lengthOf = (body: number) => short ? shareLength(body, 3) : RECORD_HEAD_LENGTH + body;
        const bodies = bodiesOf(taken).slice(0, planned.length).map(({ length }) => lengthOf(length));
        assertEquals(bodies, planned.slice(0, bodies.length).map(({ length }) => length));
        if (second !== "same client") assertEquals(bodies.length, planned.length);
      }
    }
  });
}

Deno.test("a sample covers every number of channels, and every honest one", () => {
  for (const attacks of Object.values(ATTACKS)) {
    if (attacks.length < 100) continue;
    const have = new Set(sample(attacks, most(attacks), 1).map(({ channels, honest }) => `${channels} ${honest}`));
    assertEquals(have.size, 2 + 3 + 4 + 5);
  }
});

Deno.test("every cell has a unique name", () => {
  const all = Object.values(ATTACKS).flatMap((attacks) => cells(attacks, 1)).map(nameOf);
  assertEquals(new Set(all).size, all.length);
  assert(all.length > 90_000);
});

/** Each fault at each phase: the views of the application, the target and the logs, the time, and that nothing is left. */
import { assert, assertEquals } from "@std/assert";
import "../support/system/native.ts";
import { SHARES } from "../../src/association/association_options.ts";
import { type FaultName, FAULTS } from "./faults.ts";
import { type Row, ROWS, type Said } from "./matrix.ts";
import { type Phase } from "./phases.ts";
import { type Result, run } from "./run.ts";

function says({ by, event, reason }: Said, { lines }: Result): boolean {
  return lines.some(([who, what, why]) => {
    return who === by && what === event && (typeof reason === "string" ? why === reason : reason.test(why));
  });
}

/** Phases in which bytes of large records are lost, which is tried with short shares, too. */
const WITH_BYTES: readonly Phase[] = ["streaming", "half-closed"];

const CASES = ROWS.flatMap((row) =>
  row.phases.flatMap((phase) =>
    (WITH_BYTES.includes(phase) ? SHARES : ["full"] as const).map((shares) => [row, phase, shares] as const)
  )
);

for (const [row, phase, shares] of CASES) {
  const what = shares === "short" ? `${phase}, short shares` : phase;
  Deno.test(`${row.fault}, ${what}: the application sees ${row.seen}`, async () => {
    const result = await run(row.fault, phase, shares);
    const { seen, target, took, tookThere, lines, afterwards } = result;
    assertEquals({ seen, target, afterwards }, { seen: row.seen, target: row.target, afterwards: "all it should" });
    assert(Math.max(took, tookThere) <= row.within, `took ${took} ms, and ${tookThere} there`);
    const { said } = row;
    const why = JSON.stringify(lines);
    // Only repeated bytes violate the protocol.
    if (!row.fault.startsWith("bytes")) assert(lines.every(([, , reason]) => !reason.includes("was due")), why);
    if (said !== null) assert(says(said, result), why);
    else assert(lines.every(([who]) => who === "server"), why);
  });
}

Deno.test("each fault has exactly one outcome at each phase at which it can occur", () => {
  const found: [FaultName, Phase][] = ROWS.flatMap(({ fault, phases }: Row) =>
    phases.map((phase): [FaultName, Phase] => [fault, phase])
  );
  const all = Object.entries(FAULTS).flatMap(([name, { phases }]) => phases.map((phase) => `${name}: ${phase}`));
  assertEquals(found.map(([fault, phase]) => `${fault}: ${phase}`).toSorted(), all.toSorted());
});

/**
 * The task `adversary`: runs every cell of the matrix, with as many seeds as the argument says (default: 1), and prints
 * the violations.
 *
 * @module
 */
import { ATTACKS } from "./attacks.ts";
import { DATAGRAM_ATTACKS } from "./datagrams/attacks.ts";
import { datagramCells, runDatagramCells } from "./datagrams/matrix.ts";
import { cells, contrast, runCells } from "./matrix.ts";

const seeds = Number(Deno.args[0] ?? 1);
const wrong: string[] = [];
let ran = 0;
for (let seed = 1; seed <= seeds; seed++) {
  for (const [family, attacks] of Object.entries(ATTACKS)) {
    const began = performance.now();
    const tried = cells(attacks, seed), succeeding = contrast(attacks, seed);
    wrong.push(...await runCells(tried), ...await runCells(succeeding));
    ran += tried.length + succeeding.length;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const successes = succeeding.length > 0 ? `, and ${succeeding.length} with all channels owned` : "";
    console.log(`seed ${seed}, ${family}: ${attacks.length} attacks, ${tried.length} cells${successes}; ${seconds} s`);
  }
  for (const [family, attacks] of Object.entries(DATAGRAM_ATTACKS)) {
    const began = performance.now(), tried = datagramCells(attacks, seed);
    wrong.push(...await runDatagramCells(tried));
    ran += tried.length;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`seed ${seed}, datagrams, ${family}: ${attacks.length} attacks, ${tried.length} cells; ${seconds} s`);
  }
}
for (const line of wrong) console.log(line);
console.log(`${ran} cells, ${wrong.length} violations`);
Deno.exit(wrong.length === 0 ? 0 : 1);

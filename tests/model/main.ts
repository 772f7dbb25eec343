/**
 * The task `model`: searches all states of the models and of each variant.
 *
 * @module
 */
import { search, SIZES } from "./spin.ts";
import { VARIANTS } from "./variants.ts";

let ran = 0, wrong = 0;
for (const variant of VARIANTS) {
  const { model, name, defines, violates, smallOnly = false } = variant;
  for (const [size, sizing] of Object.entries(SIZES[model]).slice(0, smallOnly ? 1 : 2)) {
    ran++;
    const { states, violated, memory } = await search(model, [...sizing, ...defines]);
    const right = violates === null ? violated === null : violated?.includes(violates) ?? false;
    if (!right) wrong++;
    const outcome = violated === null ? "holds" : "has a counterexample";
    console.log(`${size}: ${name} ${outcome}${right ? "" : ", WRONGLY"}; ${states} states, ${memory} MB`);
  }
}
console.log(`${ran} models, ${wrong} not as they should be`);
Deno.exit(wrong === 0 ? 0 : 1);

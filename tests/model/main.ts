/**
 * The task `model`: searches all states of the handshake's model and of each variant.
 *
 * @module
 */
import { search } from "./spin.ts";
import { VARIANTS } from "./variants.ts";

let ran = 0, wrong = 0;
for (const channels of [2, 3] as const) {
  for (const variant of VARIANTS) {
    if (channels === 3 && variant.twoChannelsOnly) continue;
    ran++;
    const { states, violated, memory } = await search(variant, channels);
    const right = variant.violates === null ? violated === null : violated?.includes(variant.violates) ?? false;
    if (!right) wrong++;
    const outcome = violated === null ? "holds" : "has a counterexample";
    console.log(
      `${channels} channels: ${variant.name} ${outcome}${right ? "" : ", WRONGLY"}; ${states} states, ${memory} MB`,
    );
  }
}
console.log(`${ran} models, ${wrong} not as they should be`);
Deno.exit(wrong === 0 ? 0 : 1);

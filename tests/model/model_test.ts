/** Searches the models exhaustively at their small sizes; `deno task model` also does at the larger ones. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { canRun, search, SIZES } from "./spin.ts";
import { VARIANTS } from "./variants.ts";

const ignore = !canRun();

for (const variant of VARIANTS) {
  const { model, name, defines, violates } = variant;
  const outcome = violates === null ? "every claim holds" : "there is a counterexample";
  Deno.test({
    name: `in the model, of ${name} ${outcome}${ignore ? " (ignored: needs spin and gcc)" : ""}`,
    ignore,
    async fn() {
      const small = [...Object.values(SIZES[model])[0]!, ...defines];
      const { violated } = await search(model, small, variant.manyStates ? "many" : "few");
      if (violates === null) assertEquals(violated, null);
      else assertStringIncludes(violated ?? "nothing", violates);
    },
  });
}

/** Searches the models exhaustively at their small sizes; `deno task model` also does at the larger ones. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { canRun, search, SIZES, suiteSize } from "./spin.ts";
import { VARIANTS } from "./variants.ts";

const ignore = !canRun();

for (const variant of VARIANTS) {
  const { model, name, defines, violates } = variant;
  const outcome = violates === null ? "every claim holds" : "there is a counterexample";
  Deno.test({
    name: `in the model, of ${name} ${outcome}${ignore ? " (ignored: needs spin and gcc)" : ""}`,
    ignore,
    async fn() {
      const { violated } = await search(
        model,
        [...suiteSize(variant), ...defines],
        variant.manyStates ? "many" : "few",
      );
      if (violates === null) assertEquals(violated, null);
      else assertStringIncludes(violated ?? "nothing", violates);
    },
  });
}

for (const { name, model, coveredBy } of VARIANTS.filter(({ coveredBy }) => coveredBy !== undefined)) {
  Deno.test(`the search that covers that of ${name} is made at the small size`, () => {
    const covering = VARIANTS.find((variant) => variant.model === model && variant.name === coveredBy)!;
    assertEquals(covering.violates, null);
    assertEquals(suiteSize(covering), Object.values(SIZES[model])[0]);
  });
}

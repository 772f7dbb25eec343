/** Searches the handshake's model exhaustively for two channels; `deno task model` also does for three. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { canRun, search } from "./spin.ts";
import { VARIANTS } from "./variants.ts";

const ignore = !canRun();

for (const variant of VARIANTS) {
  const { name, violates } = variant;
  const outcome = violates === null ? "every claim holds" : "there is a counterexample";
  Deno.test({
    name: `in the model, of ${name} ${outcome}${ignore ? " (ignored: needs spin and gcc)" : ""}`,
    ignore,
    async fn() {
      const { violated } = await search(variant, 2);
      if (violates === null) assertEquals(violated, null);
      else assertStringIncludes(violated ?? "nothing", violates);
    },
  });
}

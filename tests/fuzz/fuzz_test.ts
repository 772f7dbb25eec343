/** A short run of each parser, and tests of the fuzzer itself. The task `fuzz` is the long run. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Random } from "../support/random/random.ts";
import { fuzz, FuzzError, processorTime } from "./fuzz.ts";
import { Mutator } from "./mutate.ts";
import { type Target, textTarget } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** Inputs for each parser. */
const INPUTS = 500;

for (const target of TARGETS) {
  Deno.test(`fuzzed: ${target.name}`, async () => {
    const { taken, inputs } = await fuzz(target, { inputs: INPUTS, seed: 2 });
    assert(taken > 0, "nothing was taken: the seeds are all wrong");
    assertEquals(inputs, INPUTS);
  });
}

const letters = (take: (text: string) => boolean): Target => {
  return textTarget({ name: "letters", seeds: ["abc"], words: ["d"], longest: 64, take });
};

Deno.test("an error other than a refusal is found and reported with its input", async () => {
  const target = letters((text) => {
    if (text.includes("d")) throw new TypeError("no d");
    return true;
  });
  const error = await assertRejects(() => fuzz(target, { inputs: 10_000, seed: 1 }), FuzzError, "TypeError: no d");
  assert(new TextDecoder().decode(error.input).includes("d"));
  assertStringIncludes(error.message, error.input.toHex());
});

Deno.test("a parser that takes too long for an input is found", async () => {
  const target = letters((text) => {
    for (const end = processorTime() + 60; text.includes("d") && processorTime() < end;);
    return true;
  });
  await assertRejects(() => fuzz(target, { inputs: 10_000, seed: 1 }), FuzzError, "ms");
});

Deno.test("a parser that retains its inputs is found", async () => {
  const held: unknown[] = [];
  const target = letters((text) => held.push(new Uint8Array(10_000), text) > 0);
  await assertRejects(() => fuzz(target, { inputs: 20_000, seed: 1 }), Error, "more are held");
});

Deno.test("mutations are equal for equal seeds, within the maximum length, and of many lengths", () => {
  const seeds = [new Uint8Array(20).map((_, index) => index), new Uint8Array(0)];
  const run = (seed: number) => {
    const mutator = new Mutator(new Random(seed), [Uint8Array.of(1, 2, 3)], 100);
    return Array.from({ length: 1000 }, () => mutator.mutate(seeds).toHex());
  };
  assertEquals(run(1), run(1));
  assert(run(1).join() !== run(2).join());
  const lengths = run(1).map((text) => text.length / 2);
  assertEquals(Math.max(...lengths), 100);
  assert(new Set(lengths).size > 40);
});

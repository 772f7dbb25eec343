import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { forSeeds, Random } from "./random.ts";
import { concat } from "../../../src/wire/concat.ts";

Deno.test("seeded randomness is the same for one seed and differs between seeds", () => {
  assertEquals(new Random(7).bytes(32).toHex(), new Random(7).bytes(32).toHex());
  assertNotEquals(new Random(7).bytes(32), new Random(8).bytes(32));
});

Deno.test("seeded randomness covers a range, and nothing beyond it", () => {
  const random = new Random(1);
  const seen = new Set(Array.from({ length: 1000 }, () => random.between(3, 6)));
  assertEquals([...seen].sort(), [3, 4, 5, 6]);
});

Deno.test("random cuts are within the limit and join to the whole", async () => {
  await forSeeds(20, (random) => {
    const bytes = random.bytes(100);
    const pieces = [...random.cuts(bytes, 7)];
    assert(pieces.every(({ length }) => length >= 1 && length <= 7));
    assertEquals(concat(pieces), bytes);
  });
});

Deno.test("a failing property names its seed", async () => {
  const error = await assertRejects(
    () =>
      forSeeds(5, (random) => {
        if (random.below(100) === new Random(3).below(100)) throw new TypeError("no");
      }),
    Error,
    "with seed 3: no",
  );
  assert(error.cause instanceof TypeError);
});

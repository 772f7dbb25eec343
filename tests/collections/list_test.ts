import { assert, assertEquals } from "@std/assert";
import { List, type Place } from "../../src/collections/list.ts";
import { fc, record } from "../support/random/property.ts";

Deno.test("a list holds what came and has not gone, in the order in which it came", () => {
  const step = fc.oneof(record({ add: fc.nat() }), record({ remove: fc.nat(9) }), fc.constant("oldest" as const));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const list = new List<number>();
    let model: Place<number>[] = [];
    for (const step of steps) {
      if (step === "oldest") {
        list.removeOldest();
        model = model.slice(1);
      } else if ("add" in step) model.push(list.add(step.add));
      else {
        const [gone] = model.splice(step.remove, 1);
        if (gone !== undefined) assert(list.remove(gone));
      }
      assertEquals([...list], model.map(({ item }) => item));
      assertEquals([list.size, list.oldest], [model.length, model[0]?.item]);
    }
  }));
});

Deno.test("an item is removed once, and its place leads nowhere afterwards", () => {
  const list = new List<string>();
  const [one, two, three] = ["one", "two", "three"].map((item) => list.add(item));
  assert(list.remove(two!));
  assert(!list.remove(two!));
  assertEquals([...list], ["one", "three"]);
  const neighbours = Object.values(two!).filter((value) => typeof value === "object" && value !== null);
  assertEquals(neighbours, []);
  assert(list.remove(one!) && list.remove(three!));
  assertEquals([list.size, list.oldest, [...list]], [0, undefined, []]);
  list.removeOldest();
  assertEquals(list.size, 0);
});

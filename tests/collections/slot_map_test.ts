import { assertEquals } from "@std/assert";
import { SlotMap } from "../../src/collections/slot_map.ts";
import { fc, record } from "../support/random/property.ts";

Deno.test("a slot map does what a map does", () => {
  const key = fc.nat(7);
  const step = fc.oneof(record({ set: key, to: fc.option(fc.nat(), { nil: undefined }) }), record({ delete: key }));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const map = new SlotMap<number, number | undefined>(), model = new Map<number, number | undefined>();
    for (const step of steps) {
      if ("set" in step) {
        map.set(step.set, step.to);
        model.set(step.set, step.to);
      } else assertEquals(map.delete(step.delete), model.delete(step.delete));
      assertEquals(map.values(), [...model.values()]);
      assertEquals(map.size, model.size);
      for (let key = 0; key < 8; key++) assertEquals(map.get(key), model.get(key));
    }
  }));
});

/** Size classes. */
import { assert, assertEquals } from "@std/assert";
import { largestClass, MIN_CLASS, sizeClass } from "../../src/streams/size_classes.ts";
import { fc } from "../support/random/property.ts";

const lengths = fc.integer({ min: 1, max: 2_000_000 });

Deno.test("a length's class is the smallest class that is not below it, at most 12 % longer or the smallest of all", () => {
  fc.assert(fc.property(lengths, (length) => {
    const found = sizeClass(length);
    assert(found >= length && (found === MIN_CLASS || found <= 1.12 * length), `${found}`);
    assertEquals([sizeClass(found), largestClass(found)], [found, found], "a class is its own");
    assert(largestClass(length) <= length);
    if (length > MIN_CLASS) assert(length - largestClass(length) < 0.12 * length);
    else assert(largestClass(length) === (length === MIN_CLASS ? MIN_CLASS : 0));
  }));
});

Deno.test("longer lengths never have lower classes, and there are few: 241 up to a megabyte", () => {
  const classes = new Set<number>();
  for (let length = 1, before = 0; length <= 1_048_576; length++) {
    const found = sizeClass(length);
    assert(found >= before);
    classes.add(before = found);
  }
  assertEquals(classes.size, 241);
  assertEquals([...classes].slice(0, 4), [512, 544, 576, 608]);
});

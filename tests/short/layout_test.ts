import { assert, assertEquals } from "@std/assert";
import { bodyLengthAt } from "../../src/records/record.ts";
import { fragmentLength, isDispersed, LONGEST_WHOLE_BODY, shareLength } from "../../src/short/layout.ts";
import { fc } from "../support/random/property.ts";
import { bodyShare } from "./records.ts";

const counts = fc.integer({ min: 2, max: 16 });

Deno.test("bodies of 1,025 to 65,536 bytes are encrypted", () => {
  assertEquals(LONGEST_WHOLE_BODY, 1024);
  const lengths = [0, 1, 1023, 1024, 1025, 1026, 65_535, 65_536, 65_537, 2 ** 24 - 1];
  assertEquals(lengths.filter(isDispersed), [1025, 1026, 65_535, 65_536]);
});

Deno.test("fragments are as short as n of them can be; every one but the last is full, and that has most of its bytes", () => {
  for (let length = 1025; length <= 65_536; length += length < 2100 || length > 65_500 ? 1 : 37) {
    for (let count = 2; count <= 16; count++) {
      const fragment = fragmentLength(length, count), padding = count * fragment - length;
      assert(padding >= 0 && padding < count && padding < fragment, `${length} bytes, ${count} channels`);
    }
  }
});

Deno.test("each channel carries a record's head, and its body or a key's share and a fragment: never more than the record", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 65_536 }), counts, (length, count) => {
    assertEquals(shareLength(length, count), 35 + bodyShare(length, count));
    assert(shareLength(length, count) <= 35 + length);
  }));
  assertEquals([1024, 1025, 65_536].map((length) => shareLength(length, 3)), [1059, 35 + 32 + 342, 35 + 32 + 21_846]);
});

Deno.test("a body's length is read from the head's first three bytes, at any offset", () => {
  fc.assert(fc.property(fc.nat(2 ** 24 - 1), fc.nat(20), (length, at) => {
    const bytes = new Uint8Array(at + 3);
    bytes.set([length >> 16, length >> 8, length], at);
    assertEquals(bodyLengthAt(bytes, at), length);
  }));
});

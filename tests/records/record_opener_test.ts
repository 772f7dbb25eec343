/** Records of message bytes in any pieces: verified bodies pass in order, and nothing from the first wrong record on. */
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { RecordError } from "../../src/records/record_decoder.ts";
import { recordOpener } from "../../src/records/record_opener.ts";
import { concat } from "../../src/wire/concat.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { bytes, cutsOf, fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { direction, flipped } from "./direction.ts";

/** Gives pieces to an opener until it throws. @returns Copies of the bodies, and what it threw. */
function opened(pieces: readonly Uint8Array[], lender = new Lender()): [Uint8Array[], unknown] {
  const bodies: Uint8Array[] = [], open = recordOpener();
  for (const piece of pieces) {
    try {
      bodies.push(...(open(lender.lend(piece)) ?? []).map(taken));
    } catch (error) {
      assertThrows(() => open(lender.lend(piece)), RecordError);
      return [bodies, error];
    }
  }
  return [bodies, undefined];
}

Deno.test("bodies pass in order, however the bytes are cut, and every piece is released", () => {
  const sent = fc.array(bytes(1, 80), { maxLength: 6 }).chain((bodies) => {
    return fc.tuple(fc.constant(bodies), cutsOf(concat([...direction(bodies)]), 12));
  });
  fc.assert(fc.property(sent, ([sent, pieces]) => {
    const lender = new Lender();
    assertEquals(opened(pieces, lender), [sent, undefined]);
    assertEquals(lender.held, 0);
  }));
});

Deno.test("a wrong bit is a RecordError, and nothing of its record or of a later one has passed", () => {
  const random = new Random(1), sent = Array.from({ length: 4 }, () => random.bytes(30)), parts = direction(sent);
  const whole = concat([...parts]), bit = fc.nat(8 * whole.length - 1);
  fc.assert(
    fc.property(bit.chain((bit) => fc.tuple(fc.constant(bit), cutsOf(flipped(whole, bit), 8))), ([bit, pieces]) => {
      const [bodies, error] = opened(pieces);
      assertInstanceOf(error, RecordError);
      const before = Math.max(0, Math.floor(((bit >> 3) - 48) / 65));
      // Bodies of the piece that fails may be dropped with it.
      assert(bodies.length <= before);
      assertEquals(bodies, sent.slice(0, bodies.length));
    }),
  );
});

Deno.test("a body has passed before the pieces behind it come", () => {
  const sent = [Uint8Array.of(1, 2), Uint8Array.of(3)], [key, one, two] = direction(sent), lender = new Lender();
  const open = recordOpener();
  assertEquals(open(lender.lend(key!)), null);
  assertEquals(open(lender.lend(concat([one!, two!.subarray(0, 35)])))!.map(taken), [sent[0]]);
  assertEquals(open(lender.lend(two!.subarray(35)))!.map(taken), [sent[1]]);
  assertEquals(lender.held, 0);
});

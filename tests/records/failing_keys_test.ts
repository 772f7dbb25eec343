/** A generator of random numbers that fails when keys are due lets nothing leave: neither KEY nor a record. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { guardedRandom, PadError } from "../../src/sharing/guarded_pads.ts";
import "../support/system/native.ts";
import { type PadSource, systemPads } from "../../src/sharing/system_pads.ts";

const FAILURES: Readonly<Record<string, PadSource>> = {
  "throws": () => {
    throw new Error("no entropy");
  },
  "gives zeros": (into) => void into.fill(0),
  "gives nothing": () => {},
  "stops short": (into) => systemPads(into.subarray(0, into.length >> 1)),
  "gives the same again": (into) => void into.fill(9),
};

for (const [how, failure] of Object.entries(FAILURES)) {
  Deno.test(`a generator that ${how} where keys are due makes no KEY, and nothing is sealed`, () => {
    let failing = how === "gives the same again";
    const random = guardedRandom((into) => (failing ? failure : systemPads)(into));
    // One that repeats itself is noticed at its second number.
    new RecordEncoder(random).key();
    failing = true;
    const encoder = new RecordEncoder(random), record = new Uint8Array(RECORD_HEAD_LENGTH + 10);
    const error = assertThrows(() => encoder.key(), Error);
    assert(error instanceof PadError || error.message === "no entropy", `${error}`);
    assertEquals(encoder.started, false);
    assertThrows(() => encoder.seal(record), TypeError, "before KEY");
    assertEquals(record, new Uint8Array(RECORD_HEAD_LENGTH + 10));
  });
}

Deno.test("all of k and rho comes from the generator, and no two directions have either alike", () => {
  const seen = new Set<string>();
  const random = guardedRandom(systemPads);
  for (let i = 0; i < 1000; i++) {
    const key = new RecordEncoder(random).key();
    for (const at of [0, 16]) seen.add(key.subarray(at, at + 16).toHex());
  }
  assertEquals(seen.size, 2000);
  const drawn = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
  const key = new RecordEncoder((into) => into.set(drawn)).key();
  assertEquals(key.subarray(0, 32), drawn);
});

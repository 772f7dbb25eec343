import { assertEquals, assertThrows } from "@std/assert";
import { commonGuard, guardedPads, guardedRandom, PadError } from "../../src/sharing/guarded_pads.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";

Deno.test("guarded pads equal those of their source", () => {
  let next = 1;
  const pads = guardedPads((into) => {
    for (let i = 0; i < into.length; i++) into[i] = next++;
  });
  for (const length of [0, 1, 15, 16, 17, 36, 1000]) {
    const first = next, pad = new Uint8Array(length);
    pads(pad);
    assertEquals(pad, Uint8Array.from({ length }, (_, index) => first + index));
  }
});

Deno.test("a pad that is not filled to its end is refused, whatever it held before", () => {
  const pads = guardedPads((into) => systemPads(into.subarray(0, into.length - 16)));
  for (const length of [16, 17, 40, 5000]) {
    assertThrows(() => pads(new Uint8Array(length).fill(7)), PadError, "did not fill");
  }
});

Deno.test("a pad of zeros is refused", () => {
  assertThrows(() => guardedPads((into) => void into.fill(0))(new Uint8Array(36)), PadError, "did not fill");
});

Deno.test("a repeated pad is refused, even with a short one in between", () => {
  const pads = guardedPads((into) => void into.fill(3));
  pads(new Uint8Array(36));
  pads(new Uint8Array(1));
  assertThrows(() => pads(new Uint8Array(36)), PadError, "twice");
});

Deno.test("a source that starts again is noticed, though it is asked for another length", () => {
  for (const [first, second] of [[67, 32], [32, 67], [16, 5000], [5000, 16]] as const) {
    const pads = guardedPads((into) => void into.set(Uint8Array.from(into, (_, index) => index + 1)));
    pads(new Uint8Array(first));
    assertThrows(() => pads(new Uint8Array(second)), PadError, "twice");
  }
});

Deno.test("errors of the source propagate", () => {
  const pads = guardedPads(() => {
    throw new Error("no entropy");
  });
  assertThrows(() => pads(new Uint8Array(36)), Error, "no entropy");
});

Deno.test("pads too short to check pass unchecked", () => {
  const pads = guardedPads((into) => void into.fill(0));
  for (let length = 0; length < 16; length++) pads(new Uint8Array(length));
});

Deno.test("keys and masks come from their source, and none repeats", () => {
  let next = 1;
  const random = guardedRandom((into) => {
    for (let i = 0; i < into.length; i++) into[i] = next++;
  });
  for (const length of [16, 32, 16]) {
    const first = next, bytes = new Uint8Array(length);
    random(bytes);
    assertEquals(bytes, Uint8Array.from({ length }, (_, index) => first + index));
  }
});

Deno.test("a key or mask with any byte missing is refused and not returned", () => {
  for (const length of [16, 32]) {
    for (let filled = 0; filled < length; filled++) {
      const bytes = new Uint8Array(length).fill(7);
      assertThrows(
        () => guardedRandom((into) => systemPads(into.subarray(0, filled)))(bytes),
        PadError,
        "did not fill",
      );
      assertEquals(bytes, new Uint8Array(length).fill(7));
    }
  }
});

Deno.test("users of a source share one guard, which notices a pad returned to two of them", () => {
  let next = 1;
  const source = (into: Uint8Array) => void into.fill(next);
  assertEquals(commonGuard(source), commonGuard(source));
  commonGuard(source)(new Uint8Array(100));
  assertThrows(() => commonGuard(source)(new Uint8Array(100)), PadError, "twice");
  next = 2;
  commonGuard(source)(new Uint8Array(100));
});

import { assertEquals, assertThrows } from "@std/assert";
import { commonGuard, guardedPads, guardedRandom, PadError } from "../../src/sharing/guarded_pads.ts";
import { systemPads } from "../../src/sharing/pads.ts";

Deno.test("guarded pads are those of their source", () => {
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

Deno.test("a pad that is not filled to its end is refused, whatever stood there", () => {
  const pads = guardedPads((into) => systemPads(into.subarray(0, into.length - 16)));
  for (const length of [16, 17, 40, 5000]) {
    assertThrows(() => pads(new Uint8Array(length).fill(7)), PadError, "did not fill");
  }
});

Deno.test("a pad of zeros is refused", () => {
  assertThrows(() => guardedPads((into) => void into.fill(0))(new Uint8Array(36)), PadError, "did not fill");
});

Deno.test("a pad that comes twice is refused, also where a short one came between", () => {
  const pads = guardedPads((into) => void into.fill(3));
  pads(new Uint8Array(36));
  pads(new Uint8Array(1));
  assertThrows(() => pads(new Uint8Array(36)), PadError, "twice");
});

Deno.test("what a source throws comes through", () => {
  const pads = guardedPads(() => {
    throw new Error("no entropy");
  });
  assertThrows(() => pads(new Uint8Array(36)), Error, "no entropy");
});

Deno.test("pads too short to judge are taken as they are", () => {
  const pads = guardedPads((into) => void into.fill(0));
  for (let length = 0; length < 16; length++) pads(new Uint8Array(length));
});

Deno.test("keys and masks are their source's, and none comes twice", () => {
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

Deno.test("a key or mask of which any byte is missing is refused, and not given out", () => {
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

Deno.test("all who use a source have one guard, which sees a pad that comes to one of them and then to another", () => {
  let next = 1;
  const source = (into: Uint8Array) => void into.fill(next);
  assertEquals(commonGuard(source), commonGuard(source));
  commonGuard(source)(new Uint8Array(100));
  assertThrows(() => commonGuard(source)(new Uint8Array(100)), PadError, "twice");
  next = 2;
  commonGuard(source)(new Uint8Array(100));
});

import { assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { interpolateSlowly, multiply, splitSlowly } from "../../scripts/vectors/threshold.ts";
import { interpolate } from "../../src/sharing/interpolation.ts";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { thresholdScheme } from "../../src/sharing/threshold.ts";
import { bytes, fc, record } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { Guarded } from "./guarded.ts";

/** Every threshold k and number n of shares, 2 <= k <= n <= 16. */
const CHOICES = Array.from({ length: 15 }, (_, i) => i + 2).flatMap((n) =>
  Array.from({ length: n - 1 }, (_, i) => ({ k: i + 2, n }))
);

/** Lengths around those of words, registers and the blocks of the module, and the longest record's. */
const LENGTHS = [...Array(101).keys(), 127, 129, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 98_309];

/** A choice, and k of the n indexes in any order. */
const subset = fc.constantFrom(...CHOICES).chain(({ k, n }) =>
  record({
    k: fc.constant(k),
    n: fc.constant(n),
    indexes: fc.shuffledSubarray([...Array(n).keys()], { minLength: k, maxLength: k }),
  })
);

/** Splits into fresh arrays. */
function split(k: number, n: number, message: Uint8Array, pads: PadSource): Uint8Array<ArrayBuffer>[] {
  const shares = Array.from({ length: n }, () => new Uint8Array(message.length));
  thresholdScheme(k).split(message, shares, pads);
  return shares;
}

/** All sets of `count` of the numbers below `n`. */
function subsets(count: number, n: number): number[][] {
  if (count === 0) return [[]];
  return Array.from({ length: n }, (_, last) => last)
    .flatMap((last) => subsets(count - 1, last).map((set) => [...set, last]));
}

Deno.test("thresholds are scheme 2", () => {
  const { id, name, threshold } = thresholdScheme(3);
  assertEquals([id, name, threshold], [2, "threshold", 3]);
});

Deno.test("every product of two elements is the field's", () => {
  const zeros = new Uint8Array(256), elements = Uint8Array.from(zeros, (_, index) => index);
  for (let factor = 0; factor < 256; factor++) {
    const into = new Uint8Array(256);
    // The line through (0, 0) and (1, element).
    interpolate([zeros, elements], [0, 1], [factor], [into]);
    assertEquals(into, elements.map((element) => multiply(factor, element)));
  }
});

Deno.test("interpolation takes any points, and any results: all numbers of both", () => {
  const random = new Random(1);
  for (let count = 2; count <= 16; count++) {
    for (let results = 0; results <= 17 - count; results++) {
      const points = [...new Set(random.bytes(80))].slice(0, count), at = [...random.bytes(results)];
      const values = points.map(() => random.bytes(50)), before = values.map((value) => value.slice());
      const into = at.map(() => new Uint8Array(50));
      interpolate(values, points, at, into);
      assertEquals(into, at.map((point) => interpolateSlowly(values, points, point)), `${count} to ${results}`);
      assertEquals(values, before);
    }
  }
});

Deno.test("the first k-1 shares are pads, the others follow from them and the message: all k of n", () => {
  const random = new Random(2);
  for (const { k, n } of CHOICES) {
    for (const length of [0, 1, 17, 40]) {
      const message = random.bytes(length), before = message.slice(), pads: Uint8Array[] = [];
      const shares = split(k, n, message, (into) => {
        random.fill(into);
        pads.push(into.slice());
      });
      assertEquals(shares, splitSlowly(n, message, pads), `${k} of ${n}, ${length} bytes`);
      assertEquals([pads.length, message], [k - 1, before]);
    }
  }
});

Deno.test("any k of n shares join to the message: all k of n, in any order, at any offsets", () => {
  const cases = record({
    choice: subset,
    length: fc.constantFrom(...LENGTHS),
    offsets: fc.array(fc.nat(31), { minLength: 17, maxLength: 17 }),
    seed: fc.nat(),
  });
  const run = fc.property(cases, ({ choice: { k, n, indexes }, length, offsets, seed }) => {
    const random = new Random(seed), guards = offsets.map((offset) => new Guarded(offset, length));
    const [message, ...shares] = guards.slice(0, n + 1).map((guard) => guard.array());
    random.fill(message!);
    const scheme = thresholdScheme(k);
    scheme.split(message!, shares, random.fill);
    const given = indexes.map((index) => shares[index]!), rest = given.slice(1).map((share) => share.slice());
    scheme.join(given, indexes);
    assertSame(given[0]!, message!);
    given.slice(1).forEach((share, index) => assertSame(share, rest[index]!));
    for (const guard of guards) guard.assertUntouched(`${k} of ${n} shares of ${length} bytes`);
  });
  fc.assert(run, { numRuns: 500 });
});

Deno.test("every k of n shares join to the message: all sets of up to 7 shares", () => {
  const random = new Random(3);
  for (const { k, n } of CHOICES.filter(({ n }) => n <= 7)) {
    const message = random.bytes(33), shares = split(k, n, message, random.fill), scheme = thresholdScheme(k);
    for (const indexes of subsets(k, n)) {
      const given = indexes.map((index) => shares[index]!.slice());
      scheme.join(given, indexes);
      assertEquals(given[0], message, `${indexes} of ${n}`);
    }
  }
});

Deno.test("each k of n takes every length from 0 to 100 and the longest record's", () => {
  const random = new Random(4);
  for (const { k, n } of [{ k: 2, n: 2 }, { k: 2, n: 3 }, { k: 3, n: 4 }, { k: 3, n: 5 }, { k: 5, n: 8 }]) {
    for (const length of LENGTHS) {
      const message = random.bytes(length), shares = split(k, n, message, random.fill);
      const indexes = [...Array(n).keys()].slice(n - k).reverse(), given = indexes.map((index) => shares[index]!);
      thresholdScheme(k).join(given, indexes);
      assertSame(given[0]!, message);
    }
  }
});

Deno.test("without indexes, the first k shares are joined", () => {
  const random = new Random(5);
  for (const { k, n } of CHOICES) {
    const message = random.bytes(20), shares = split(k, n, message, random.fill).slice(0, k);
    thresholdScheme(k).join(shares);
    assertEquals(shares[0], message);
  }
});

Deno.test("a slice of the shares joins to the slice of the message", () => {
  const cases = record({ choice: subset, message: bytes(0, 300), bounds: fc.tuple(fc.nat(300), fc.nat(300)) });
  fc.assert(fc.property(cases, ({ choice: { k, n, indexes }, message, bounds }) => {
    const shares = split(k, n, message, new Random(6).fill);
    const [start, end] = bounds.map((at) => Math.min(at, message.length)).sort((a, b) => a - b);
    const cut = indexes.map((index) => shares[index]!.subarray(start, end));
    thresholdScheme(k).join(cut, indexes);
    assertEquals(cut[0]!.slice(), message.slice(start, end));
  }));
});

Deno.test("a wrong share makes another message in exactly the bytes that were changed", () => {
  const cases = record({
    choice: subset,
    message: bytes(1, 200),
    wrong: fc.nat(15),
    change: bytes(200, 200),
  });
  fc.assert(fc.property(cases, ({ choice: { k, n, indexes }, message, wrong, change }) => {
    const given = indexes.map((index) => split(k, n, message, new Random(7).fill)[index]!);
    const share = given[wrong % k]!;
    for (let at = 0; at < share.length; at++) share[at]! ^= change[at]!;
    thresholdScheme(k).join(given, indexes);
    const isChanged = (_: unknown, at: number) => given[0]![at] !== message[at];
    assertEquals(Array.from(message, isChanged), Array.from(message, (_, at) => change[at] !== 0));
  }));
});

Deno.test("each share is computed again from the message and k-1 others, and tells a wrong one", () => {
  const cases = record({ choice: subset, message: bytes(1, 200), index: fc.nat(15), at: fc.nat() });
  fc.assert(fc.property(cases, ({ choice: { k, n, indexes }, message, index, at }) => {
    const shares = split(k, n, message, new Random(8).fill), before = shares.map((share) => share.slice());
    const target = index % n, others = indexes.filter((other) => other !== target).slice(0, k - 1);
    const given = others.map((other) => shares[other]!), into = new Uint8Array(message.length);
    thresholdScheme(k).reencode(message, given, others, target, into);
    assertEquals(into, shares[target]!);
    assertEquals(shares, before);
    shares[target]![at % message.length]! ^= 1;
    assertNotEquals(into, shares[target]!);
  }));
});

Deno.test("a split rethrows an error of its pad source, at any pad, without making a share of the message", () => {
  for (const { k, n } of CHOICES) {
    for (let fails = 0; fails < k - 1; fails++) {
      const lost = new Error("no randomness"), shares = Array.from({ length: n }, () => new Uint8Array(80));
      let calls = 0;
      const pads: PadSource = (into) => {
        if (calls++ === fails) throw lost;
        into.fill(1);
      };
      const message = new Uint8Array(80).fill(9);
      assertStrictEquals(assertThrows(() => thresholdScheme(k).split(message, shares, pads)), lost);
      assertEquals(calls, fails + 1);
      assertEquals(shares.slice(k - 1), Array.from({ length: n - k + 1 }, () => new Uint8Array(80)));
    }
  }
});

Deno.test("arrays of different lengths are refused before a pad is drawn: a short pad would expose the message", () => {
  const pads: PadSource = () => {
    throw new Error("a pad was taken");
  };
  const scheme = thresholdScheme(3), message = new Uint8Array(80), into = new Uint8Array(80);
  for (let odd = 0; odd < 5; odd++) {
    for (const length of [0, 79, 81]) {
      const shares = Array.from({ length: 5 }, (_, index) => new Uint8Array(index === odd ? length : 80));
      const refuses = (call: () => void) => assertThrows(call, RangeError, "different lengths");
      refuses(() => scheme.split(message, shares, pads));
      if (odd < 3) refuses(() => scheme.join(shares.slice(0, 3)));
      if (odd < 2) refuses(() => scheme.reencode(message, shares.slice(0, 2), [0, 1], 2, into));
      refuses(() => scheme.reencode(message, [into, into], [0, 1], 2, shares[odd]!));
    }
  }
});

Deno.test("numbers and indexes out of range are refused", () => {
  const arrays = (count: number) => Array.from({ length: count }, () => new Uint8Array(8));
  const [into, pads, scheme] = [new Uint8Array(8), () => {}, thresholdScheme(3)];
  const refuses = (call: () => void) => assertThrows(call, RangeError);
  for (const k of [-1, 0, 1, 17, 2.5, NaN]) refuses(() => thresholdScheme(k));
  for (const n of [0, 1, 2, 17]) refuses(() => scheme.split(into, arrays(n), pads));
  for (const count of [0, 1, 2, 4]) {
    refuses(() => scheme.join(arrays(count)));
    refuses(() => scheme.join(arrays(count), [...Array(count).keys()]));
  }
  for (const indexes of [[], [0, 1], [0, 1, 2, 3], [0, 1, 16], [0, -1, 1], [0, 1, 1], [0.5, 1, 2], [0, 1, NaN]]) {
    refuses(() => scheme.join(arrays(3), indexes));
  }
  for (const count of [0, 1, 3]) refuses(() => scheme.reencode(into, arrays(count), [...Array(count).keys()], 9, into));
  for (const indexes of [[0], [0, 0], [0, 9], [0, 16], [0, 1, 2]]) {
    refuses(() => scheme.reencode(into, arrays(2), indexes, 9, into));
  }
  refuses(() => scheme.reencode(into, arrays(2), [0, 1], 16, into));
  refuses(() => interpolate(arrays(2), [0, 256], [1], [into]));
  refuses(() => interpolate(arrays(2), [0, 1], [256], [into]));
  refuses(() => interpolate(arrays(2), [0, 1], [2, 3], [into]));
  refuses(() => interpolate(arrays(2), [0, 1], [...Array(16).keys()], arrays(16)));
});

/** As assertEquals, and quick for long arrays. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  if (actual.length === expected.length && actual.every((byte, at) => byte === expected[at])) return;
  assertEquals(actual.slice(), expected.slice());
}

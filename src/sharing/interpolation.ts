import { INTERPOLATION_WASM } from "./interpolation_wasm.ts";

/** Addresses in the module's memory, and a block's length, as in scripts/wasm/interpolation.ts. */
const PRODUCTS = 0, FACTORS = 8192, VALUES = 8512, BLOCK = 32_768;

/** Blocks that the memory has room for. */
const MAX_BLOCKS = 17;

/** Its exports. */
interface Module {
  readonly memory: WebAssembly.Memory;
  readonly interpolate: (values: number, results: number, length: number) => void;
}

// One instance for all: nothing is awaited between writing its inputs and reading its results.
const module = new WebAssembly.Module(Uint8Array.fromBase64(INTERPOLATION_WASM));
const { memory, interpolate: compute } = new WebAssembly.Instance(module).exports as unknown as Module;
const bytes = new Uint8Array(memory.buffer);

/**
 * Interpolates in GF(256), each byte by itself: takes the polynomial of least degree that has the given values at the
 * given points, and writes its values at other points. The field's polynomial is x^8 + x^4 + x^3 + x + 1.
 *
 * In WebAssembly, without a permission. Time and memory accesses depend on the points and the length, on no value.
 *
 * @param values From 2 to 16 arrays of one length; only read.
 * @param points Their points: as many numbers from 0 to 255, all different.
 * @param at The points to write values at, from 0 to 255; `values` and `at` are 17 together at most.
 * @param into As many arrays, of the same length. One may be a value's own array, but none may overlap another in part.
 * @throws {RangeError} If the lengths differ, a number is out of its range, or a point is given twice.
 */
export function interpolate(
  values: readonly Uint8Array[],
  points: readonly number[],
  at: readonly number[],
  into: readonly Uint8Array[],
): void {
  const { length } = values[0]!;
  check(values, points, at, into, length);
  for (let result = 0; result < at.length; result++) {
    for (let value = 1; value < points.length; value++) {
      bytes[FACTORS + 16 * result + value] = factor(points, value, at[result]!);
    }
  }
  const results = VALUES + BLOCK * values.length;
  for (let start = 0; start < length; start += BLOCK) {
    const end = Math.min(start + BLOCK, length);
    for (let i = 0; i < values.length; i++) bytes.set(values[i]!.subarray(start, end), VALUES + BLOCK * i);
    compute(values.length, into.length, end - start);
    for (let i = 0; i < into.length; i++) {
      into[i]!.set(bytes.subarray(results + BLOCK * i, results + BLOCK * i + end - start), start);
    }
  }
}

function check(
  values: readonly Uint8Array[],
  points: readonly number[],
  at: readonly number[],
  into: readonly Uint8Array[],
  length: number,
): void {
  const count = values.length;
  if (count < 2 || count > 16 || points.length !== count) throw new RangeError(`${count} values`);
  if (at.length !== into.length || count + at.length > MAX_BLOCKS) throw new RangeError(`${at.length} results`);
  const isElement = (point: number) => Number.isInteger(point) && point >= 0 && point < 256;
  if (!points.every(isElement) || !at.every(isElement)) throw new RangeError("a point is not from 0 to 255");
  if (points.some((point, index) => points.indexOf(point) !== index)) throw new RangeError("a point is given twice");
  const isOdd = (array: Uint8Array) => array.length !== length;
  if (values.some(isOdd) || into.some(isOdd)) throw new RangeError("shares have different lengths");
}

/** The value at `at` of the polynomial that is 1 at the point of that index and 0 at the others. */
function factor(points: readonly number[], index: number, at: number): number {
  let numerator = 1, denominator = 1;
  for (let other = 0; other < points.length; other++) {
    if (other === index) continue;
    numerator = product(numerator, at ^ points[other]!);
    denominator = product(denominator, points[index]! ^ points[other]!);
  }
  return product(numerator, inverse(denominator));
}

/** The product of two elements, from the module's tables. */
function product(a: number, b: number): number {
  return bytes[PRODUCTS + 32 * a + (b & 15)]! ^ bytes[PRODUCTS + 32 * a + 16 + (b >> 4)]!;
}

/** a^254, which is 1/a: the product of a^2, a^4, ... a^128. */
function inverse(a: number): number {
  let power = a, inverse = 1;
  for (let i = 0; i < 7; i++) {
    power = product(power, power);
    inverse = product(inverse, power);
  }
  return inverse;
}

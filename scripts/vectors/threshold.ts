import { counted, utf8, type Vector } from "./vector.ts";

/** Shares with a threshold (docs/PROTOCOL.md 3.6). */
export function thresholds(): Vector[] {
  const message = utf8("Multiple Independent Channels");
  const split = (name: string, description: string, k: number, n: number, bytes = message): Vector => {
    const pads = Array.from({ length: k - 1 }, (_, index) => counted(bytes.length, index * bytes.length));
    const hex = splitSlowly(n, bytes, pads).map((share) => share.toHex());
    return { name, description, threshold: k, message: bytes.toHex(), pads: hex.slice(0, k - 1), shares: hex };
  };
  const text = (k: number, n: number) => split(`${k} of ${n} shares`, `Any ${k} of them reveal the message`, k, n);
  return [
    ...[[2, 2], [2, 3], [3, 3], [3, 4], [3, 5], [2, 16], [8, 16], [16, 16]].map(([k, n]) => text(k!, n!)),
    split("every product", "Each byte times the factor of the pad: the message is 0", 2, 16, new Uint8Array(256)),
    split("many words", "A message longer than any word that a program may work with", 4, 7, counted(200, 7)),
  ];
}

/** All n shares of a message, the first of them the pads. */
export function splitSlowly(n: number, message: Uint8Array, pads: readonly Uint8Array[]): Uint8Array[] {
  const values = [message, ...pads], points = values.map((_, index) => index);
  return Array.from({ length: n }, (_, index) => pads[index] ?? interpolateSlowly(values, points, index + 1));
}

/** The values at `at` of the polynomials, one for each byte, that have the values at the points. */
export function interpolateSlowly(values: readonly Uint8Array[], points: readonly number[], at: number): Uint8Array {
  const factors = points.map((point) =>
    points.filter((other) => other !== point).reduce(
      (factor, other) => multiply(factor, multiply(at ^ other, inverse(point ^ other))),
      1,
    )
  );
  return Uint8Array.from(
    values[0]!,
    (_, index) => values.reduce((sum, value, i) => sum ^ multiply(factors[i]!, value[index]!), 0),
  );
}

/** x^8 + x^4 + x^3 + x + 1. */
const POLYNOMIAL = 0b100011011;

/** The product of two polynomials over GF(2), and the rest of its division by the field's polynomial. */
export function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) if (b >> bit & 1) product ^= a << bit;
  for (let bit = 14; bit >= 8; bit--) if (product >> bit & 1) product ^= POLYNOMIAL << bit - 8;
  return product;
}

function inverse(element: number): number {
  for (let other = 1; other < 256; other++) if (multiply(element, other) === 1) return other;
  throw new RangeError(`${element} has no inverse`);
}

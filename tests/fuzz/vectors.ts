import { fromShortHex } from "../../scripts/vectors/vector.ts";
import vectors from "../../docs/vectors.json" with { type: "json" };

/** Longest value that serves as a seed, in bytes. */
const MAX_SEED = 5000;

/** The bytes of docs/vectors.json under a field of a group, of those that have it, unless they are very long. */
export function vectorsOf(group: keyof typeof vectors, field: string): Uint8Array[] {
  return (vectors[group] as Record<string, unknown>[]).flatMap(({ [field]: value }) => {
    return typeof value === "string" ? short(fromShortHex(value)) : [];
  });
}

/** The bytes of docs/vectors.json that must be refused as `of`. */
export function invalid(of: string): Uint8Array[] {
  return vectors.invalid.filter((vector) => vector.of === of).map(({ bytes }) => Uint8Array.fromHex(bytes));
}

/** The directions of docs/vectors.json: KEY, then each record, unless it is very long. */
export const directions: readonly Uint8Array[][] = vectors.direction.map(({ key, records }) => [
  Uint8Array.fromHex(key),
  ...records.flatMap(({ bytes }) => short(fromShortHex(bytes))),
]);

function short(bytes: Uint8Array): Uint8Array[] {
  return bytes.length > MAX_SEED ? [] : [bytes];
}

import vectors from "../../docs/vectors.json" with { type: "json" };

/** The bytes of docs/vectors.json under a field of a group, of those that have it. */
export function vectorsOf(group: keyof typeof vectors, field: string): Uint8Array[] {
  return (vectors[group] as Record<string, unknown>[]).flatMap(({ [field]: value }) => {
    return typeof value === "string" ? Uint8Array.fromHex(value) : [];
  });
}

/** The bytes of docs/vectors.json that must be refused as `of`. */
export function invalid(of: string): Uint8Array[] {
  return vectors.invalid.filter((vector) => vector.of === of).map(({ bytes }) => Uint8Array.fromHex(bytes));
}

/** Keywords of a JSON Schema (draft 7) for a value as parsed from YAML, for editors. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Regular expression of a host: a name, an IPv4 address, or an IPv6 address in brackets. */
export const HOST_PATTERN: string = String.raw`(\[[0-9a-fA-F:.]+(%[\w.\-]+)?\]|[^\s:\[\],=]+)`;

/** Regular expression of a port. */
export const PORT_PATTERN: string = String.raw`\d{1,5}`;

/** A string that matches `pattern` as a whole. */
export function textSchema(pattern: string): JsonSchema {
  return { type: "string", pattern: `^(${pattern})$` };
}

/** A whole number, quoted or not. */
export function numberSchema(minimum: number, maximum: number): JsonSchema {
  return { type: ["integer", "string"], minimum, maximum, pattern: String.raw`^\d+$` };
}

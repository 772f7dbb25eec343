/** A JSON Schema (draft 7) of a value as YAML reads it, for editors: its keywords. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A regular expression's source for a host: a name, an IPv4 address, or an IPv6 address in brackets. */
export const HOST_PATTERN: string = String.raw`(\[[0-9a-fA-F:.]+(%[\w.\-]+)?\]|[^\s:\[\],=]+)`;

/** That of a port. */
export const PORT_PATTERN: string = String.raw`\d{1,5}`;

/** A text that matches `pattern` as a whole. */
export function textSchema(pattern: string): JsonSchema {
  return { type: "string", pattern: `^(${pattern})$` };
}

/** A whole number, in quotes or without. */
export function numberSchema(minimum: number, maximum: number): JsonSchema {
  return { type: ["integer", "string"], minimum, maximum, pattern: String.raw`^\d+$` };
}

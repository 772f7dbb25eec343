import { entriesOf, type Field, type Group, type Schema } from "./schema.ts";

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

/** The map that `schema` reads. It requires no key: a flag may say the same, and a key without a value says nothing. */
export function objectSchema<T>(schema: Schema<T>): JsonSchema {
  const properties = entriesOf(schema).map(([, entry]) => [entry.key, propertySchema(entry)]);
  return { type: "object", properties: Object.fromEntries(properties), additionalProperties: false };
}

function propertySchema(entry: Field<unknown> | Group<unknown>): JsonSchema {
  if ("fields" in entry) return orNothing(objectSchema(entry.fields));
  const { shape, doc, default: otherwise } = entry;
  return {
    description: doc,
    ...otherwise !== undefined && !shape.repeats && { default: scalar(shape.format(otherwise)) },
    ...orNothing(shape.schema()),
  };
}

/** The same, or nothing written at all. */
function orNothing(schema: JsonSchema): JsonSchema {
  const { type, enum: words, anyOf } = schema;
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...anyOf, { type: "null" }] };
  return { ...schema, type: [type, "null"].flat(), ...Array.isArray(words) && { enum: [...words, null] } };
}

/** What YAML makes of a setting's text. */
function scalar(text: string): string | number | boolean {
  if (/^\d+$/.test(text)) return Number(text);
  return text === "true" || text === "false" ? text === "true" : text;
}

import type { JsonSchema } from "./json_schema.ts";
import { entriesOf, type Field, type Group, type Schema } from "./schema.ts";

/** JSON Schema of a map of settings. No key is required: flags may provide it, and a key may have no value. */
export function objectSchema<T>(schema: Schema<T>): JsonSchema {
  const properties = entriesOf(schema).map(([, entry]) => [entry.key, propertySchema(entry)]);
  return { type: "object", properties: Object.fromEntries(properties), additionalProperties: false };
}

function propertySchema(entry: Field<unknown> | Group<unknown>): JsonSchema {
  if ("fields" in entry) return orNothing(objectSchema(entry.fields));
  const { shape, doc, default: value } = entry;
  return {
    description: doc,
    ...value !== undefined && !shape.repeats && { default: defaultValue(shape.format(value)) },
    ...orNothing(shape.schema()),
  };
}

/** Also allows an empty value. */
function orNothing(schema: JsonSchema): JsonSchema {
  const { type, enum: words, anyOf } = schema;
  if (Array.isArray(anyOf)) return { ...schema, anyOf: [...anyOf, { type: "null" }] };
  return { ...schema, type: [type, "null"].flat(), ...Array.isArray(words) && { enum: [...words, null] } };
}

/** Converts a default to its YAML type. */
function defaultValue(text: string): string | number | boolean {
  if (/^\d+$/.test(text)) return Number(text);
  return text === "true" || text === "false" ? text === "true" : text;
}

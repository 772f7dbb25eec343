import type { JsonSchema } from "./json_schema.ts";
import { entriesOf, type Field, type Group, type Schema } from "./schema.ts";

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

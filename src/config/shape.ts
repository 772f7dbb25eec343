import type { JsonSchema } from "./json_schema.ts";
import { objectSchema } from "./object_schema.ts";
import type { Node } from "./node.ts";
import { type Problems, quote } from "./problems.ts";
import type { MapEntry, Shape } from "./schema.ts";
import { booleanSyntax, type PairSyntax, type Syntax } from "./syntax.ts";

/** A single value. */
export function scalar<T>(syntax: Syntax<T>): Shape<T> {
  return {
    placeholder: syntax.placeholder,
    written: syntax.placeholder,
    means: syntax.means,
    repeats: false,
    schema: () => syntax.schema,
    read: (node, problems) => readText(syntax, node, problems),
    format: (value) => syntax.format(value),
  };
}

/** A switch: `true` or `false` in the file; its flag takes no value. */
export const toggle: Shape<boolean> = { ...scalar(booleanSyntax), bare: true };

/**
 * Several values: `[a, b]`, or a repeated flag.
 *
 * @param bounds JSON Schema keywords for the length of the list.
 */
export function list<T>(syntax: Syntax<T>, bounds: JsonSchema = {}): Shape<readonly T[]> {
  const written = `[${syntax.placeholder}, ...]`;
  return {
    placeholder: syntax.placeholder,
    written,
    means: syntax.means,
    repeats: true,
    schema: () => ({ type: "array", items: syntax.schema, ...bounds }),
    read(node, problems) {
      if (Array.isArray(node.value)) return remembered(readItems(syntax, node, node.value, problems), node, problems);
      problems.add(node.place, `not a list; write ${written}`);
      return undefined;
    },
    format: (values) => values.map((value) => syntax.format(value)).join(" "),
  };
}

/**
 * Several values of the form `KEY=VALUE`: a list, a repeated flag, or a map `{KEY: VALUE}`.
 *
 * @param entry Long form of a map's entry, and its reader.
 */
export function map<T>(
  syntax: PairSyntax<T>,
  entry?: MapEntry & { read(key: string, node: Node, problems: Problems): T | undefined },
): Shape<readonly T[]> {
  const asList = list(syntax);
  return {
    ...asList,
    written: `{${syntax.placeholder.replace("=", ": ")}} or ${asList.written}`,
    ...entry !== undefined && { entry },
    schema: () => ({ anyOf: [mapSchema(syntax, entry), asList.schema()] }),
    read(node, problems) {
      if (!isMap(node.value)) return asList.read(node, problems);
      const items = Object.entries(node.value).flatMap(([key, value]) => {
        const child = node.child(key);
        if (typeof value === "object" && value !== null && entry !== undefined) {
          const item = entry.read(key, child, problems);
          problems.remember(item, child.place);
          return item ?? [];
        }
        const pair = typeof value === "string" ? { ...child, value: `${key}=${value}` } : child;
        return readText(syntax, pair, problems) ?? [];
      });
      return remembered(items, node, problems);
    },
  };
}

function mapSchema<T>({ keySchema, valueSchema }: PairSyntax<T>, entry?: MapEntry): JsonSchema {
  const maps = entry === undefined ? [] : [objectSchema(entry.schema), entry.short?.schema() ?? []].flat();
  return {
    type: "object",
    propertyNames: keySchema,
    additionalProperties: maps.length === 0 ? valueSchema : { anyOf: [valueSchema, ...maps] },
  };
}

/** Tells whether a YAML value is a map. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readItems<T>(syntax: Syntax<T>, node: Node, items: readonly unknown[], problems: Problems): T[] {
  return items.flatMap((_, index) => readText(syntax, node.child(index), problems) ?? []);
}

function readText<T>(syntax: Syntax<T>, { value, place }: Node, problems: Problems): T | undefined {
  if (typeof value !== "string") {
    problems.add(place, `not a single value; write ${syntax.placeholder}`);
    return undefined;
  }
  try {
    return remembered(syntax.parse(value), { place }, problems);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problems.add(place, withoutEcho(error.message, value, place));
    return undefined;
  }
}

function remembered<T>(value: T, { place }: { place: string }, problems: Problems): T {
  problems.remember(value, place);
  return value;
}

/** Removes the quoted text from `REASON: "TEXT"; REMEDY` if the place shows it already. */
export function withoutEcho(message: string, text: string, place: string): string {
  if (!place.endsWith(quote(text))) return message;
  for (const echo of [quote(text), `"${text}"`]) {
    const at = message.indexOf(`: ${echo};`);
    if (at >= 0) return message.slice(0, at) + message.slice(at + 2 + echo.length);
  }
  return message;
}

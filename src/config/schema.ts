import type { Problems } from "./problems.ts";
import type { Node } from "./node.ts";
import type { JsonSchema } from "./json_schema.ts";

/** One setting, as used for flags, the file, help, messages and the reference. */
export interface Field<T> {
  /** Key in the file. */
  readonly key: string;
  /** Flag, without dashes; undefined if only the file can set it. */
  readonly flag?: string;
  /** Reads and writes the value. */
  readonly shape: Shape<T>;
  /** Value if not set; without a default, an unset setting is undefined. */
  readonly default?: T;
  /** One line for help, without a full stop. */
  readonly doc: string;
  /** Example of a value in the file, in one line, for the reference. Default: the setting's default. */
  readonly example?: string;
}

/** Settings that share a map in the file, such as `timeouts`. */
export interface Group<T> {
  /** Key in the file. */
  readonly key: string;
  /** Settings in the map. */
  readonly fields: Schema<T>;
}

/** The settings that make up a `T`: a field, or a group of fields, for each property. */
export type Schema<T> = { readonly [K in keyof T]-?: Field<T[K]> | Group<T[K]> };

/** A setting or a flag as help shows it. */
export interface Option {
  /** Flag, without dashes. */
  readonly flag?: string;
  /** Keys in the file, joined by dots. */
  readonly path?: string;
  /** Placeholder of the value; undefined for a flag that takes none. */
  readonly placeholder?: string;
  /** True if it takes several values. */
  readonly repeats?: boolean;
  /** Default, as written in a flag. */
  readonly default?: string;
  /** One line for help, without a full stop. */
  readonly doc: string;
  /** Form in the file; see {@linkcode Shape.written}. */
  readonly written?: string;
  /** Description of one value; see {@linkcode Shape.means}. */
  readonly means?: string;
  /** Example of a value in the file. */
  readonly example?: string;
}

/** Lists the entries of a schema, without their types. */
export function entriesOf<T>(schema: Schema<T>): [keyof T & string, Field<unknown> | Group<unknown>][] {
  return Object.entries(schema) as [keyof T & string, Field<unknown> | Group<unknown>][];
}

/** Lists the settings of a schema in order, including those of groups. */
export function optionsOf<T>(schema: Schema<T>, path: readonly string[] = []): Option[] {
  return entriesOf(schema).flatMap(([, entry]) => {
    const keys = [...path, entry.key];
    if ("fields" in entry) return optionsOf(entry.fields, keys);
    const { flag, shape, doc } = entry;
    const defaultText = entry.default === undefined || shape.repeats ? undefined : shape.format(entry.default);
    const example = entry.example ?? defaultText;
    const option = {
      ...flag !== undefined && { flag },
      path: keys.join("."),
      ...(!shape.bare || flag === undefined) && { placeholder: shape.placeholder },
      repeats: shape.repeats,
      ...defaultText !== undefined && { default: defaultText },
      doc,
      written: shape.written,
      means: shape.means,
      ...example !== undefined && { example },
    };
    return [option, ...shape.entry === undefined ? [] : optionsOf(shape.entry.schema, [...keys, shape.entry.key])];
  });
}

/** Form of a setting's whole value: a scalar, a list or a map. */
export interface Shape<T> {
  /** Placeholder of one value in help. */
  readonly placeholder: string;
  /** Form in the file, for the reference: "[HOST[:PORT], ...]". */
  readonly written: string;
  /** Description of one value; see {@linkcode Syntax.means}. */
  readonly means: string;
  /** True if its flag may be given more than once. */
  readonly repeats: boolean;
  /** True if its flag takes no value, and means "true". */
  readonly bare?: boolean;
  /** Long form of an entry of its map. */
  readonly entry?: MapEntry;
  /** JSON Schema of the value in the file; accepts everything that `read` accepts. */
  schema(): JsonSchema;
  /**
   * Reads a value from the file, or from a flag, whose occurrences form a list.
   *
   * @param problems Receives the mistakes, and the place of each value.
   * @returns The value; undefined, or without the invalid items, if there are mistakes.
   */
  read(node: Node, problems: Problems): T | undefined;
  /** Writes the value as in a flag, items separated by spaces. */
  format(value: T): string;
}

/** An entry of a map that is itself a map. */
export interface MapEntry {
  /** Placeholder of its key in help: "NAME". */
  readonly key: string;
  /** Settings in the entry. */
  readonly schema: Schema<unknown>;
  /** Short form, in place of the map. */
  readonly short?: Shape<unknown>;
}

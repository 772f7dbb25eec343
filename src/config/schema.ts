import type { Problems } from "./problems.ts";
import type { Node } from "./node.ts";
import type { JsonSchema } from "./json_schema.ts";

/** One setting: everything that flags, the file, help and messages need to know about it. */
export interface Field<T> {
  /** Its key in the file. */
  readonly key: string;
  /** Its flag, without dashes; without it only the file can set it. */
  readonly flag?: string;
  /** How its value is written. */
  readonly shape: Shape<T>;
  /** Its value where nobody sets it; without it the setting is then left out. */
  readonly default?: T;
  /** One line for help. */
  readonly doc: string;
  /** A value as the file may have it, in one line, for the reference. Default: the default. */
  readonly example?: string;
}

/** Settings that share a key in the file, as `timeouts` does. */
export interface Group<T> {
  /** Its key in the file. */
  readonly key: string;
  /** Its settings. */
  readonly fields: Schema<T>;
}

/** The settings that make up a `T`: each property's field, or group of fields. To add a setting, add it here. */
export type Schema<T> = { readonly [K in keyof T]-?: Field<T[K]> | Group<T[K]> };

/** A setting or a flag as help shows it. */
export interface Option {
  /** The flag, without dashes. */
  readonly flag?: string;
  /** The keys in the file, joined by dots. */
  readonly path?: string;
  /** Stands for the value; a flag without it takes none. */
  readonly placeholder?: string;
  /** Whether it takes several values. */
  readonly repeats?: boolean;
  /** The default, as it would be written. */
  readonly default?: string;
  /** One line. */
  readonly doc: string;
  /** How the file has it; as {@linkcode Shape.written}. */
  readonly written?: string;
  /** What one value is, in words. */
  readonly means?: string;
  /** A value as the file may have it. */
  readonly example?: string;
}

/** A schema's entries, without regard to what they make up. */
export function entriesOf<T>(schema: Schema<T>): [keyof T & string, Field<unknown> | Group<unknown>][] {
  return Object.entries(schema) as [keyof T & string, Field<unknown> | Group<unknown>][];
}

/** Lists a schema's settings in their order, those of groups in place. */
export function optionsOf<T>(schema: Schema<T>, path: readonly string[] = []): Option[] {
  return entriesOf(schema).flatMap(([, entry]) => {
    const here = [...path, entry.key];
    if ("fields" in entry) return optionsOf(entry.fields, here);
    const { flag, shape, doc } = entry;
    const otherwise = entry.default === undefined || shape.repeats ? undefined : shape.format(entry.default);
    const example = entry.example ?? otherwise;
    const option = {
      ...flag !== undefined && { flag },
      path: here.join("."),
      ...(!shape.bare || flag === undefined) && { placeholder: shape.placeholder },
      repeats: shape.repeats,
      ...otherwise !== undefined && { default: otherwise },
      doc,
      written: shape.written,
      means: shape.means,
      ...example !== undefined && { example },
    };
    return [option, ...shape.entry === undefined ? [] : optionsOf(shape.entry.schema, [...here, shape.entry.key])];
  });
}
/** How a setting's whole value is written: once, as a list, or as a map. */

export interface Shape<T> {
  /** Stands for one value in help. */
  readonly placeholder: string;
  /** How the file has it, for the reference: "[HOST[:PORT], ...]". */
  readonly written: string;
  /** What one value is, in words; as {@linkcode Syntax.means}. */
  readonly means: string;
  /** Whether its flag may be given again. */
  readonly repeats: boolean;
  /** Whether its flag takes no value, and says "true". */
  readonly bare?: boolean;
  /** What an entry of its map may say beyond one text. */
  readonly entry?: MapEntry;
  /** What an editor can check of it in the file; it refuses nothing that can work. */
  schema(): JsonSchema;
  /**
   * Reads a value, of the file or of a flag (all of whose occurrences are one list).
   *
   * @param problems Takes what is wrong, and where each value was written.
   * @returns The value; undefined, or without the wrong items, when something is wrong.
   */
  read(node: Node, problems: Problems): T | undefined;
  /** The value as a flag would write it, items separated by spaces. */
  format(value: T): string;
}
/** A map's entry that is itself a map. */

export interface MapEntry {
  /** Stands for its key in help: "NAME". */
  readonly key: string;
  /** Its settings. */
  readonly schema: Schema<unknown>;
  /** What may be written in the map's place. */
  readonly short?: Shape<unknown>;
}

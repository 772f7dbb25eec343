import type { Shape } from "./shape.ts";

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

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
    const option = {
      ...flag !== undefined && { flag },
      path: here.join("."),
      ...(!shape.bare || flag === undefined) && { placeholder: shape.placeholder },
      repeats: shape.repeats,
      ...entry.default !== undefined && !shape.repeats && { default: shape.format(entry.default) },
      doc,
    };
    return [option, ...shape.entry === undefined ? [] : optionsOf(shape.entry.schema, [...here, shape.entry.key])];
  });
}

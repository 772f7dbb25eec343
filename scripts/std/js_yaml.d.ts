/**
 * The types of what yaml.ts uses of js-yaml: the package has none, and another one for them would be fetched by everyone who
 * runs micss.
 *
 * @module
 */

/** Which types a document's scalars have. */
export interface Schema {
  /** Only this package makes one. */
  readonly brand: unique symbol;
}

/** The schema in which every scalar is a string. */
export const FAILSAFE_SCHEMA: Schema;

/** A document is wrong, or a value can't be written as one. */
export class YAMLException extends Error {
  /** The message without the place. */
  readonly reason: string;
  /** The place, both numbers counted from 0; not for a second document. */
  readonly mark?: { readonly line: number; readonly column: number; readonly snippet: string | null };
}

/** Reads the only document of a text; `undefined` or `null` where it is empty. */
export function load(text: string, options?: { schema?: Schema }): unknown;

/** Writes a value as a document. */
export function dump(value: unknown): string;

/**
 * Types of the part of js-yaml that yaml.ts uses. The package has none, and everyone who runs micss would have to fetch
 * another package for them.
 *
 * @module
 */

/** Types of a document's scalars. */
export interface Schema {
  /** Restricts construction to this package. */
  readonly brand: unique symbol;
}

/** The schema in which every scalar is a string. */
export const FAILSAFE_SCHEMA: Schema;

/** Thrown for an invalid document, or a value that YAML can't represent. */
export class YAMLException extends Error {
  /** The message without its position. */
  readonly reason: string;
  /** The position, both numbers counted from 0; absent for a second document. */
  readonly mark?: { readonly line: number; readonly column: number; readonly snippet: string | null };
}

/** Parses a text with one document; `undefined` or `null` if it is empty. */
export function load(text: string, options?: { schema?: Schema }): unknown;

/** Writes a value as a document. */
export function dump(value: unknown): string;

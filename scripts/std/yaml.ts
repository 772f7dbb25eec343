/**
 * The part of `@std/yaml` that the project uses, over js-yaml, which `@std/yaml` was ported from, for networks that don't
 * reach jsr.io.
 *
 * @module
 */

// @ts-types="./js_yaml.d.ts"
import { dump, FAILSAFE_SCHEMA, load, YAMLException } from "js-yaml";

/**
 * Parses a YAML document; returns `null` for an empty one.
 *
 * @param options With the schema "failsafe", every scalar is a string; an empty value is still `null`.
 * @throws {SyntaxError} If the text is not YAML, has a duplicate key or more than one document. The message is
 * `REASON at line LINE, column COLUMN:` and a snippet on the lines after it; lines and columns count from 1.
 */
export function parse(content: string, options: { schema?: "failsafe" } = {}): unknown {
  try {
    return load(content, options.schema === "failsafe" ? { schema: FAILSAFE_SCHEMA } : {}) ?? null;
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { reason, mark } = error;
    // Neither js-yaml's error nor that of @std/yaml has a position for a second document.
    throw new SyntaxError(
      mark ? `${reason} at line ${mark.line + 1}, column ${mark.column + 1}:\n${mark.snippet ?? ""}` : reason,
    );
  }
}

/**
 * Formats a value as YAML, ending in a line feed.
 *
 * @throws {TypeError} If YAML can't represent the value, such as a function.
 */
export function stringify(data: unknown): string {
  try {
    return dump(data);
  } catch (error) {
    throw error instanceof YAMLException ? new TypeError(error.message) : error;
  }
}

import { numberSchema } from "../config/json_schema.ts";
import type { Syntax } from "../config/syntax.ts";

/** Limits of a measurement's duration, in seconds. */
const MIN_SECONDS = 0.1, MAX_SECONDS = 60;

/** A number of seconds, possibly with a fraction. */
export const secondsSyntax: Syntax<number> = {
  placeholder: "NUMBER",
  means: `${MIN_SECONDS} to ${MAX_SECONDS}`,
  schema: numberSchema(MIN_SECONDS, MAX_SECONDS),
  parse(text) {
    const seconds = Number(text);
    if (!/^\d{1,3}(\.\d+)?$/.test(text) || seconds < MIN_SECONDS || seconds > MAX_SECONDS) {
      throw new SyntaxError(`must be ${MIN_SECONDS} to ${MAX_SECONDS} seconds`);
    }
    return seconds;
  },
  format: String,
};

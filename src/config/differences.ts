import { entriesOf, type Schema } from "./schema.ts";

/** The settings that two configurations of a schema have different, by their keys in the file: `timeouts.connect`. */
export function differences<T>(schema: Schema<T>, before: T, after: T, path: readonly string[] = []): string[] {
  return entriesOf(schema).flatMap(([property, entry]) => {
    const here = [...path, entry.key];
    const [one, other] = [before[property], after[property]];
    if (!("fields" in entry)) return JSON.stringify(one) === JSON.stringify(other) ? [] : [here.join(".")];
    const [these, those] = [one, other].map((group) => group ?? {}) as [unknown, unknown];
    return differences(entry.fields, these, those, here);
  });
}

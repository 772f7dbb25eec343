import { entriesOf, type Schema } from "./schema.ts";

/** Lists the settings that differ between two configurations, by their keys in the file: `timeouts.connect`. */
export function differences<T>(schema: Schema<T>, before: T, after: T, path: readonly string[] = []): string[] {
  return entriesOf(schema).flatMap(([property, entry]) => {
    const keys = [...path, entry.key];
    const [from, to] = [before[property], after[property]];
    if (!("fields" in entry)) return JSON.stringify(from) === JSON.stringify(to) ? [] : [keys.join(".")];
    return differences<unknown>(entry.fields, from ?? {}, to ?? {}, keys);
  });
}

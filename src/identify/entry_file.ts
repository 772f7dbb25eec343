import { type DatabaseEntry, EntryError, entryFromJson, type EntryJson, entryToJson } from "./entry.ts";

/** Maximum number of entries in a file. */
const MAX_ENTRIES = 10_000;

/** File of `micss channels export` and `import`. */
export interface EntryFile {
  /** Version of the format: 1. */
  readonly version: number;
  /** Learned channels. */
  readonly entries: readonly EntryJson[];
}

/** Formats entries as the text of a file. */
export function formatEntries(entries: readonly DatabaseEntry[]): string {
  const file: EntryFile = { version: 1, entries: entries.map(entryToJson) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * Reads entries from the text of a file. They count as imported from now on.
 *
 * @param now Time of learning of an entry without one, in milliseconds since 1970.
 * @throws {EntryError} For the first mistake: "LINE: what is wrong" in JSON syntax, else "FIELD: what is wrong".
 */
export function parseEntries(text: string, now: number): DatabaseEntry[] {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || !("entries" in value) || !Array.isArray(value.entries)) {
    throw new EntryError('1: not a list of entries; write {"version": 1, "entries": [...]}');
  }
  if (!("version" in value) || value.version !== 1) throw new EntryError("version: unknown; write 1");
  if (value.entries.length > MAX_ENTRIES) {
    throw new EntryError(`entries: ${value.entries.length} are too many; give at most ${MAX_ENTRIES}`);
  }
  const places = new Map<string, number>();
  return value.entries.map((item, index) => {
    const entry = readEntry(item, index, now);
    const before = places.get(entry.address);
    if (before !== undefined) {
      throw new EntryError(
        `entries[${index}].address: ${entry.address} is already in entries[${before}]; give it once`,
      );
    }
    places.set(entry.address, index);
    return { ...entry, source: "import" };
  });
}

function readEntry(value: unknown, index: number, now: number): DatabaseEntry {
  try {
    return entryFromJson(value, now);
  } catch (error) {
    if (!(error instanceof EntryError)) throw error;
    throw new EntryError(`entries[${index}]${error.message}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const line = text.slice(0, placeOf(error.message, text)).split("\n").length;
    throw new EntryError(`${line}: not JSON; write what micss channels export writes`);
  }
}

/** Position of a syntax error according to V8: "... at position 42 ..." or `..., ..."10 before, the rest"... is not valid JSON`. */
function placeOf(message: string, text: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  const end = text.trimEnd().length;
  if (position !== undefined) return Math.min(Number(position), end);
  const around = /, (\.\.\.)?"(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message);
  if (around === null) return end;
  return around[1] === undefined ? 0 : text.indexOf(around[2]!) + 10;
}

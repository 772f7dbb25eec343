import { type Entry, EntryError, entryFromJson, type EntryJson, entryToJson } from "./entry.ts";

/** The most entries that a file may have. */
const MOST_ENTRIES = 10_000;

/** What `micss channels export` writes and `import` reads. */
export interface EntryFile {
  /** 1. */
  readonly version: number;
  /** What was learned. */
  readonly entries: readonly EntryJson[];
}

/** Entries as a file's text. */
export function formatEntries(entries: readonly Entry[]): string {
  const file: EntryFile = { version: 1, entries: entries.map(entryToJson) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * Reads entries of a file's text. They count as imported from now on.
 *
 * @param now When an entry without a time was learned, in milliseconds since 1970.
 * @throws {EntryError} For the first mistake: "LINE: what is wrong" where it is no JSON, else "FIELD: what is wrong".
 */
export function parseEntries(text: string, now: number): Entry[] {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || !("entries" in value) || !Array.isArray(value.entries)) {
    throw new EntryError('1: no list of entries; write {"version": 1, "entries": [...]}');
  }
  if (!("version" in value) || value.version !== 1) throw new EntryError("version: not known; write 1");
  if (value.entries.length > MOST_ENTRIES) {
    throw new EntryError(`entries: ${value.entries.length}, too many; give ${MOST_ENTRIES} at most`);
  }
  const places = new Map<string, number>();
  return value.entries.map((item, index) => {
    const entry = readEntry(item, index, now);
    const before = places.get(entry.address);
    if (before !== undefined) {
      throw new EntryError(`entries[${index}].address: ${entry.address} is that of entries[${before}]; give it once`);
    }
    places.set(entry.address, index);
    return { ...entry, source: "import" };
  });
}

function readEntry(value: unknown, index: number, now: number): Entry {
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
    throw new EntryError(`${line}: no JSON; write what micss channels export writes`);
  }
}

/** Where V8 says that JSON is wrong: "... at position 42 ..." or `..., ..."10 before, the rest"... is not valid JSON`. */
function placeOf(message: string, text: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  const end = text.trimEnd().length;
  if (position !== undefined) return Math.min(Number(position), end);
  const around = /, (\.\.\.)?"(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message);
  if (around === null) return end;
  return around[1] === undefined ? 0 : text.indexOf(around[2]!) + 10;
}

import { quote } from "./problems.ts";

/** A value that a person wrote, and where. */
export interface Node {
  /** A text, a list, a map, or null where nothing was written. */
  readonly value: unknown;
  /** Where, as messages begin: `micss: FILE:LINE: KEYS` or `micss COMMAND: --FLAG "TEXT"`. */
  readonly place: string;
  /** The value under a map's key, or at a list's index. */
  child(key: string | number): Node;
}

/**
 * What a flag was given.
 *
 * @param place The flag itself: `micss server: --channel`.
 * @param value One text, or all texts of a flag that repeats.
 */
export function flagNode(place: string, value: string | readonly string[]): Node {
  if (typeof value === "string") return { value, place: `${place} ${quote(value)}`, child: () => nothing(place) };
  return {
    value,
    place,
    child(index) {
      const text = value[Number(index)];
      return text === undefined ? nothing(place) : flagNode(place, text);
    },
  };
}

/**
 * A value of a file.
 *
 * @param describe Tells the place of the value at `path`.
 */
export function fileNode(
  value: unknown,
  describe: (path: readonly string[]) => string,
  path: readonly string[] = [],
): Node {
  return {
    value,
    get place() {
      return describe(path);
    },
    child(key) {
      const inside = typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : null;
      return fileNode(inside, describe, [...path, String(key)]);
    },
  };
}

function nothing(place: string): Node {
  return { value: null, place, child: () => nothing(place) };
}

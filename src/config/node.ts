import { quote } from "./problems.ts";

/** A value as written by the user, with its place. */
export interface Node {
  /** A string, a list, a map, or null if empty. */
  readonly value: unknown;
  /** Start of messages about the value: `micss: FILE:LINE: KEYS` or `micss COMMAND: --FLAG "TEXT"`. */
  readonly place: string;
  /** Returns the value at a map's key or a list's index. */
  child(key: string | number): Node;
}

/**
 * The value of a flag.
 *
 * @param place Start of messages about the flag: `micss server: --channel`.
 * @param value One string, or all occurrences of a flag that may be repeated.
 */
export function flagNode(place: string, value: string | readonly string[]): Node {
  if (typeof value === "string") return { value, place: `${place} ${quote(value)}`, child: () => emptyNode(place) };
  return {
    value,
    place,
    child(index) {
      const text = value[Number(index)];
      return text === undefined ? emptyNode(place) : flagNode(place, text);
    },
  };
}

/**
 * A value of a configuration file.
 *
 * @param describe Returns the place of the value at a path of keys.
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

function emptyNode(place: string): Node {
  return { value: null, place, child: () => emptyNode(place) };
}

import { clientSpec } from "./client.ts";
import { loadFile, type ReadFile } from "./file.ts";
import { nearest } from "./nearest.ts";
import type { Node } from "./node.ts";
import { quote, UsageError } from "./problems.ts";
import { entriesOf } from "./schema.ts";
import { serverSpec } from "./server.ts";
import type { Side } from "./read.ts";

/** Both kinds of handlers. */
export const SIDES = ["server", "client"] as const satisfies readonly Side[];

const KEYS: Readonly<Record<Side, readonly string[]>> = {
  server: entriesOf(serverSpec.schema).map(([, { key }]) => key),
  client: entriesOf(clientSpec.schema).map(([, { key }]) => key),
};

/** Keys that only one of the handlers has. */
const ONLY: Readonly<Record<Side, readonly string[]>> = {
  server: KEYS.server.filter((key) => !KEYS.client.includes(key)),
  client: KEYS.client.filter((key) => !KEYS.server.includes(key)),
};

/** Finds the handlers that a file has settings of which the other one lacks; misspelt ones count if no other does. */
export function sidesOf(file: Node): Side[] {
  const written = keysOf(file);
  const exact = SIDES.filter((side) => written.some((key) => ONLY[side].includes(key)));
  if (exact.length > 0) return exact;
  const unknown = written.filter((key) => !SIDES.some((side) => KEYS[side].includes(key)));
  return SIDES.filter((side) => unknown.some((key) => nearest(key, ONLY[side]) !== undefined));
}

/**
 * Refuses the file of the other handler: one with settings that only that one has, and none that only `side` has.
 *
 * @param place Start of the message: `micss server: --config "FILE"`.
 * @param remedy End of the message, given the other handler. Default: to use the file with it.
 * @throws {UsageError} If it is.
 */
export function refuseOtherSide(file: Node, side: Side, place: string, remedy?: (other: Side) => string): void {
  const other = side === "server" ? "client" : "server";
  const written = keysOf(file);
  const foreign = written.find((key) => ONLY[other].includes(key));
  if (foreign === undefined || written.some((key) => ONLY[side].includes(key))) return;
  const instead = remedy?.(other) ?? `use it with micss ${other}, or give a ${side}'s`;
  throw new UsageError([`${place}: a ${other}'s configuration, as it sets ${foreign}; ${instead}`]);
}

/**
 * Reads the configuration file of a handler, as {@linkcode loadFile} does.
 *
 * @throws {UsageError} Also if it is the other handler's.
 */
export function loadFileOf(side: Side, path: string, place: string, read: ReadFile): Node {
  const file = loadFile(path, place, read);
  refuseOtherSide(file, side, `${place} ${quote(path)}`);
  return file;
}

function keysOf({ value }: Node): string[] {
  return Object.keys(value ?? {});
}

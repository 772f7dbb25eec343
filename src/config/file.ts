import { MicssError } from "../errors/errors.ts";
import { parse } from "@std/yaml";
import { fileNode, type Node } from "./node.ts";
import { locator } from "./position.ts";
import { quote, UsageError } from "./problems.ts";
import { type FileRights, isPrivate } from "../net/private_file.ts";
import { readSource } from "./source.ts";

/** Maximum size of a configuration file, in bytes. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Reads a file as text; throws {@linkcode FileError} on failure. */
export type ReadFile = (path: string) => string;

/** A file that can't be read. The message has the form "what is wrong; what would be right". */
export class FileError extends MicssError {}

/** Reads a configuration file: UTF-8, at most {@linkcode MAX_FILE_BYTES} bytes. */
export const readFile: ReadFile = (path: string): string => readText(path, "a YAML file");

/** Reads a file written by `micss channels export`; same limits as {@linkcode readFile}. */
export const readDataFile: ReadFile = (path: string): string =>
  readText(path, "a file written by micss channels export");

/** Reads a file of users and passwords, which must be private; same limits as {@linkcode readFile}. */
export const readUsersFile: ReadFile = (path: string): string => {
  return readText(path, "a file of user:password lines", checkPrivate);
};

/**
 * @param expected Kind of file, for messages: "a YAML file".
 * @param check Throws if the rights of the open file are wrong.
 */
function readText(
  path: string,
  expected: string,
  check: (rights: FileRights, path: string) => void = () => {},
): string {
  const bytes = readBytes(path, expected, check);
  if (bytes.length > MAX_FILE_BYTES) throw new FileError(`larger than 1 MiB; give ${expected}`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileError("not UTF-8; save it as UTF-8");
  }
}

/** Reads at most one byte more than {@linkcode MAX_FILE_BYTES}. */
function readBytes(path: string, expected: string, check: (rights: FileRights, path: string) => void): Uint8Array {
  try {
    const { bytes, rights } = readSource(path, MAX_FILE_BYTES + 1);
    check(rights, path);
    return bytes;
  } catch (error) {
    throw error instanceof FileError ? error : new FileError(explain(error, expected));
  }
}

function checkPrivate(rights: FileRights, path: string): void {
  if (!isPrivate(rights)) throw new FileError(`accessible to users other than its owner; run chmod go= ${quote(path)}`);
}

function explain(error: unknown, expected: string): string {
  if (error instanceof Deno.errors.NotFound) return `no such file; give the path of ${expected}`;
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied; allow this user, and Deno, to read it";
  }
  // Deno opens a directory and fails only on read, with an error that has no class of its own.
  if (error instanceof Error && /is a directory/i.test(error.message)) {
    return `is a directory; give the path of ${expected}`;
  }
  return `${error instanceof Error ? error.message : error}; give a readable file`;
}

/**
 * Reads a configuration file.
 *
 * @param path As given by the user; messages quote it.
 * @param place Start of messages about the path: `micss server: --config`.
 * @throws {UsageError} If it can't be read, or is not a YAML map.
 */
export function loadFile(path: string, place: string, read: ReadFile): Node {
  const text = readAt(path, place, read);
  const value = parseYaml(text, path);
  if (value !== null && (typeof value !== "object" || Array.isArray(value))) {
    throw new UsageError([`micss: ${path}:1: not a map; write KEY: VALUE lines`]);
  }
  const locate = locator(text);
  return fileNode(value, (keys) => `micss: ${path}:${locate(keys)}: ${keys.join(".")}`);
}

function readAt(path: string, place: string, read: ReadFile): string {
  try {
    return read(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new UsageError([`${place} ${quote(path)}: ${error.message}`]);
  }
}

/** Keeps every scalar as written: values have the syntax of flags, and `012` and `1e3` are not numbers. */
function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text, { schema: "failsafe" });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // "REASON at line LINE, column COLUMN:" and a snippet; a second document has neither line nor column.
    const match = /^(.*?)\s+at line (\d+), column (\d+)/s.exec(error.message);
    const [reason, line, column] = match === null
      ? [error.message.split("\n", 1)[0]!, "", ""]
      : [match[1]!, `:${match[2]}`, ` at column ${match[3]}`];
    throw new UsageError([`micss: ${path}${line}: invalid YAML${column}: ${reason}; ${yamlRemedy(reason)}`]);
  }
}

function yamlRemedy(reason: string): string {
  if (/tab character/.test(reason)) return "indent with spaces";
  if (/duplicate/.test(reason)) return "give each key once";
  if (/document/.test(reason)) return "keep one document";
  if (/alias|anchor|indicator/.test(reason)) return "put the value in quotes";
  if (/indent/.test(reason)) return "align keys of the same map";
  return "check brackets, quotes and indentation";
}

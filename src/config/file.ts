import { MicssError } from "../errors/errors.ts";
import { parse } from "@std/yaml";
import { fileNode, type Node } from "./node.ts";
import { locator } from "./position.ts";
import { quote, UsageError } from "./problems.ts";
import { type FileRights, isPrivate } from "../net/private_file.ts";
import { readSource } from "./source.ts";

/** The largest configuration file that is read, in bytes. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Reads a file's whole text; throws a {@linkcode FileError} when it can't. */
export type ReadFile = (path: string) => string;

/** Why a file can't be read: "what is wrong; what would be right". */
export class FileError extends MicssError {}

/** Reads a configuration: a UTF-8 file of at most {@linkcode MAX_FILE_BYTES} bytes. */
export const readFile: ReadFile = (path: string): string => readText(path, "a YAML file");

/** Reads a file that `micss channels` wrote, like {@linkcode readFile}. */
export const readDataFile: ReadFile = (path: string): string => readText(path, "a file of micss channels export");

/** Reads a file of users and passwords like {@linkcode readFile}; others than its owner must not have any right to it. */
export const readUsersFile: ReadFile = (path: string): string => {
  return readText(path, "a file of lines user:password", checkPrivate);
};

/** @param what What it should be, for messages. @param check Throws where the open file's rights are wrong. */
function readText(path: string, what: string, check: (rights: FileRights, path: string) => void = () => {}): string {
  const bytes = readBytes(path, what, check);
  if (bytes.length > MAX_FILE_BYTES) throw new FileError(`over 1 MiB; give ${what}`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileError("no UTF-8 text; save it as UTF-8");
  }
}

/** A file's bytes, at most one more than {@linkcode MAX_FILE_BYTES}. */
function readBytes(path: string, what: string, check: (rights: FileRights, path: string) => void): Uint8Array {
  try {
    const { bytes, rights } = readSource(path, MAX_FILE_BYTES + 1);
    check(rights, path);
    return bytes;
  } catch (error) {
    throw error instanceof FileError ? error : new FileError(explain(error, what));
  }
}

function checkPrivate(rights: FileRights, path: string): void {
  if (!isPrivate(rights)) throw new FileError(`open to others than its owner; run chmod go= ${quote(path)}`);
}

function explain(error: unknown, what: string): string {
  if (error instanceof Deno.errors.NotFound) return `no such file; give the path of ${what}`;
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied; let this user, and Deno, read it";
  }
  // Deno opens a directory and fails only at the read, with this alone to tell by.
  if (error instanceof Error && /is a directory/i.test(error.message)) {
    return `a directory; give the path of ${what}`;
  }
  return `${error instanceof Error ? error.message : error}; give a readable file`;
}

/**
 * Reads a configuration file.
 *
 * @param path As a person gave it; messages show it so.
 * @param place What named the file: `micss server: --config`.
 * @throws {UsageError} When it can't be read, or is no YAML map.
 */
export function loadFile(path: string, place: string, read: ReadFile): Node {
  const text = readAt(path, place, read);
  const value = parseYaml(text, path);
  if (value !== null && (typeof value !== "object" || Array.isArray(value))) {
    throw new UsageError([`micss: ${path}:1: no map; write KEY: VALUE lines`]);
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

/** Every scalar stays the text that was written: values have the flags' syntax, and `012` or `1e3` are not numbers. */
function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text, { schema: "failsafe" });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // "REASON at line LINE, column COLUMN:" and a picture; without a place for a second document.
    const match = /^(.*?)\s+at line (\d+), column (\d+)/s.exec(error.message);
    const [reason, where] = match === null
      ? [error.message.split("\n", 1)[0], ""]
      : [`${match[1]} at column ${match[3]}`, `:${match[2]}`];
    throw new UsageError([`micss: ${path}${where}: ${reason}; write YAML`]);
  }
}

import { dirname } from "node:path";
import { isPrivate } from "../net/private_file.ts";
import { ownUid } from "../net/own_uid.ts";
import { StateError, stateError } from "./state_error.ts";

/** Maximum length of a file in the state directory, in bytes. */
const MAX_FILE = 8192;

/** Maximum number of files read from a directory. */
export const MAX_FILES = 10_000;

/** Age after which a temporary file is the remnant of a crash, in milliseconds. */
const STALE = 3_600_000;

const TEMPORARY = /^\.[0-9a-f]{16}\.tmp$/;

/**
 * Creates a directory with its parents, accessible to its owner only, if it does not exist.
 *
 * @throws {StateError} If it can't be created, or {@linkcode checkDirectory} refuses it.
 */
export function makeDirectory(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw stateError(path, error);
  }
  checkDirectory(path);
}

/**
 * Refuses a directory that other users can write to, since its contents decide who is let in; and one of another user, in
 * which files written by root would be unusable to their reader.
 *
 * @returns False if it does not exist.
 * @throws {StateError}
 */
export function checkDirectory(path: string): boolean {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw stateError(path, error);
  }
  if (!info.isDirectory) throw new StateError(path, "not a directory; give another one with --state");
  if (((info.mode ?? 0) & 0o022) !== 0) {
    throw new StateError(path, `other users can write to it; check its contents, then chmod go-w ${path}`);
  }
  const own = ownUid();
  if (own === 0 && info.uid !== null && info.uid !== 0) {
    throw new StateError(
      path,
      `belongs to user ${info.uid}, whose handler could not read root's files; run this as that user`,
    );
  }
  return true;
}

/**
 * Reads a file that only its owner may access.
 *
 * @returns Its text; null if it does not exist.
 * @throws {StateError} If it can't be read, is too long, or is accessible to others.
 */
export function readText(path: string): string | null {
  try {
    using file = Deno.openSync(path);
    const info = file.statSync();
    if (!info.isFile) throw new StateError(path, "not a file; remove it");
    if (!isPrivate(info)) throw new StateError(path, `accessible to other users; check it, then chmod 600 ${path}`);
    if (info.size > MAX_FILE) throw new StateError(path, `longer than ${MAX_FILE} bytes; remove it`);
    const bytes = new Uint8Array(info.size);
    let length = 0;
    while (length < bytes.length) {
      const count = file.readSync(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw stateError(path, error);
  }
}

/**
 * Writes a file that only its owner may access, whole or not at all, so that it survives a crash of the machine once this
 * returns.
 *
 * @param replace Replaces an existing file. Without it, the file must not exist.
 * @returns False if the file exists, and is not to be replaced.
 * @throws {StateError} If it can't be written; nothing is left behind.
 */
export function writeDurably(path: string, text: string, { replace = false }: { replace?: boolean } = {}): boolean {
  const directory = dirname(path);
  const temporary = `${directory}/.${crypto.getRandomValues(new Uint8Array(8)).toHex()}.tmp`;
  try {
    writeTemporary(temporary, text);
    try {
      if (replace) Deno.renameSync(temporary, path);
      // Unlike a rename, a link fails where the name exists.
      else Deno.linkSync(temporary, path);
    } finally {
      removeIfThere(temporary);
    }
    syncDirectory(directory);
    return true;
  } catch (error) {
    if (!replace && error instanceof Deno.errors.AlreadyExists) return false;
    throw stateError(path, error);
  }
}

function writeTemporary(path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    using file = Deno.openSync(path, { createNew: true, write: true, mode: 0o600 });
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } catch (error) {
    removeIfThere(path);
    throw error;
  }
}

/**
 * Removes a file, so that it stays removed after a crash of the machine once this returns. Of several processes, one
 * succeeds.
 *
 * @returns False if there is no such file.
 * @throws {StateError} If it can't be removed.
 */
export function removeDurably(path: string): boolean {
  try {
    if (!removeIfThere(path)) return false;
    syncDirectory(dirname(path));
    return true;
  } catch (error) {
    throw stateError(path, error);
  }
}

/**
 * Lists the names of the `.json` files in a directory without that ending, sorted, and removes remnants of crashes.
 *
 * @returns Empty if the directory does not exist.
 * @throws {StateError} If it can't be read, or has more than {@linkcode MAX_FILES}.
 */
export function listNames(directory: string): string[] {
  const names: string[] = [];
  try {
    for (const { name, isFile } of Deno.readDirSync(directory)) {
      if (TEMPORARY.test(name)) removeStale(`${directory}/${name}`);
      else if (isFile && name.endsWith(".json")) names.push(name.slice(0, -".json".length));
      if (names.length > MAX_FILES) throw new StateError(directory, `has more than ${MAX_FILES} files; remove some`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw stateError(directory, error);
  }
  return names.sort();
}

function removeStale(path: string): void {
  try {
    const { mtime } = Deno.statSync(path);
    if (mtime !== null && Date.now() - mtime.getTime() > STALE) removeIfThere(path);
  } catch {
    // It is gone, or can't be removed here; it is never read.
  }
}

function removeIfThere(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function syncDirectory(path: string): void {
  // Windows opens no directories; its file system keeps a journal of names.
  if (Deno.build.os === "windows") return;
  using directory = Deno.openSync(path);
  directory.syncSync();
}

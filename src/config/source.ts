import type { FileRights } from "../net/private_file.ts";

/** Start of a file's content, and its rights. */
export interface Source {
  /** Content, up to the limit. */
  readonly bytes: Uint8Array;
  /** Rights of the open file, which can't be replaced between the check and the read. */
  readonly rights: FileRights;
}

/** Paths of standard input, which Deno does not open by name without all of its permissions. */
const STANDARD_INPUT: ReadonlySet<string> = new Set(["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]);

/** Content of the pipes read by this process, by path. */
const pipes = new Map<string, Source>();

/**
 * Reads a file. The content of a pipe, such as a shell's `<(command)`, and of standard input can be read only once, and is
 * kept for later calls, such as by a reload or another worker. The rights of standard input are unknown.
 *
 * @param limit Maximum number of bytes to read.
 * @throws The system's error.
 */
export function readSource(path: string, limit: number): Source {
  const known = pipes.get(path);
  if (known !== undefined) return known;
  if (STANDARD_INPUT.has(path)) {
    const source = { bytes: readStart(Deno.stdin, limit), rights: { mode: null, uid: null } };
    pipes.set(path, source);
    return source;
  }
  using file = Deno.openSync(path);
  const { mode, uid, isFile } = file.statSync();
  const source = { bytes: readStart(file, limit), rights: { mode, uid } };
  if (!isFile) pipes.set(path, source);
  return source;
}

/** Reads up to `limit` bytes. */
function readStart(file: { readSync(bytes: Uint8Array): number | null }, limit: number): Uint8Array {
  const bytes = new Uint8Array(limit);
  let length = 0;
  while (length < bytes.length) {
    const count = file.readSync(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.slice(0, length);
}

/** Returns the content of all pipes read so far, for {@linkcode addPipes} in another worker. */
export function pipesRead(): ReadonlyMap<string, Source> {
  return pipes;
}

/** Adds the content of pipes that another worker has read. */
export function addPipes(read: ReadonlyMap<string, Source>): void {
  for (const [path, source] of read) pipes.set(path, source);
}

import type { FileRights } from "../net/private_file.ts";

/** Start of a file's content, and its rights. */
export interface Source {
  /** Content, up to the limit. */
  readonly bytes: Uint8Array;
  /** Rights of the open file, which can't be replaced between the check and the read. */
  readonly rights: FileRights;
}

/** Content of the pipes read by this process, by path. */
const pipes = new Map<string, Source>();

/**
 * Reads a file. The content of a pipe, such as a shell's `<(command)`, can be read only once, and is kept for later
 * calls, such as by a reload or another worker.
 *
 * @param limit Maximum number of bytes to read.
 * @throws The system's error.
 */
export function readSource(path: string, limit: number): Source {
  const known = pipes.get(path);
  if (known !== undefined) return known;
  using file = Deno.openSync(path);
  const { mode, uid, isFile } = file.statSync();
  const bytes = new Uint8Array(limit);
  let length = 0;
  while (length < bytes.length) {
    const count = file.readSync(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  const source = { bytes: bytes.slice(0, length), rights: { mode, uid } };
  if (!isFile) pipes.set(path, source);
  return source;
}

/** Returns the content of all pipes read so far, for {@linkcode addPipes} in another worker. */
export function pipesRead(): ReadonlyMap<string, Source> {
  return pipes;
}

/** Adds the content of pipes that another worker has read. */
export function addPipes(read: ReadonlyMap<string, Source>): void {
  for (const [path, source] of read) pipes.set(path, source);
}

import type { FileRights } from "../net/private_file.ts";

/** The beginning of a file's content, and the rights of the file that was open. */
export interface Source {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** Of the open file, so that nothing can take its place in between. */
  readonly rights: FileRights;
}

/** The content of pipes, by path. */
const pipes = new Map<string, Source>();

/**
 * Reads a file. A pipe, such as a shell's `<(command)`, gives its content only once: whatever asks for it again, a reload
 * or another worker included, gets what it gave then.
 *
 * @param limit Maximum number of bytes; what follows is not read.
 * @throws What the system reports.
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

/** The content of all pipes read so far, for {@linkcode givePipes} in another worker. */
export function pipesRead(): ReadonlyMap<string, Source> {
  return pipes;
}

/** Takes over what pipes gave elsewhere in this process. */
export function givePipes(read: ReadonlyMap<string, Source>): void {
  for (const [path, source] of read) pipes.set(path, source);
}

/** A file's path, relative to the start of the walk, and its text. */
export interface FoundFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Reads the files below a directory, ordered by path.
 *
 * @param directory Ends in a slash.
 * @param suffix Suffix of the names of the files to read.
 */
export async function* walk(directory: URL, suffix: string, path = ""): AsyncGenerator<FoundFile> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(path, directory)));
  for (const { name, isDirectory } of entries.toSorted((one, other) => one.name < other.name ? -1 : 1)) {
    if (isDirectory) yield* walk(directory, suffix, `${path}${name}/`);
    else if (name.endsWith(suffix)) {
      yield { path: path + name, text: await Deno.readTextFile(new URL(path + name, directory)) };
    }
  }
}

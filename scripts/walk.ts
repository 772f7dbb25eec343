/** Lists the files below a directory, sorted, as paths relative to it. */
export async function walk(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  const paths = await Promise.all(entries.map(async ({ name, isDirectory }) => {
    if (!isDirectory) return [name];
    return (await walk(`${directory}/${name}`)).map((path) => `${name}/${path}`);
  }));
  return paths.flat().sort();
}

/** A file of a package. */
export interface PackageFile {
  /** Path below the package's root, without a leading slash. */
  readonly path: string;
  /** Content, or the path of a file to copy it from. */
  readonly content: string | Uint8Array | { readonly from: string };
  /** Permissions. Default: 0o644. */
  readonly mode?: number;
}

/** Writes files below a directory that does not exist yet, with permissions that do not depend on the umask. */
export async function writeTree(root: string, files: readonly PackageFile[]): Promise<void> {
  await makeDirectory(root);
  for (const { path, content, mode = 0o644 } of files) {
    const parts = path.split("/").slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      await makeDirectory(`${root}/${parts.slice(0, depth).join("/")}`);
    }
    const to = `${root}/${path}`;
    if (typeof content === "string") await Deno.writeTextFile(to, content, { createNew: true });
    else if (content instanceof Uint8Array) await Deno.writeFile(to, content, { createNew: true });
    else await Deno.copyFile(content.from, to);
    await Deno.chmod(to, mode);
  }
}

async function makeDirectory(path: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  await Deno.chmod(path, 0o755);
}

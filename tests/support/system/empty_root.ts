import { makeTempDir, run } from "../programs/process.ts";

/** The user of programs in an {@linkcode EmptyRoot}: distroless's `nonroot`, which owns no files. */
export const NONROOT = 65532;

/** A root directory with only an executable and the C library that it needs, as in distroless images. */
export interface EmptyRoot extends AsyncDisposable {
  /**
   * Command prefix that runs a program in it: isolated from the machine's other files, read-only, as its user, without
   * capabilities or a way to gain any, and with an empty environment.
   */
  readonly within: readonly string[];
  /** Path of the executable in it. */
  readonly executable: string;
}

/** Path of the executable in the root directory. */
const INSIDE = "/micss";

/** Mounts are private to this program. Like a container's, the root directory has /proc. */
const ENTER = `
root=$1 executable=$2 user=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$executable" "$root${INSIDE}"
mount --bind /proc "$root/proc"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot -- \\
  "$(command -v chroot)" --userspec="$user:$user" --groups= "$root" "$@"
`;

/** Files of the C library for resolving host names, which are opened by name and not listed in the executable. */
const RESOLVERS = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

/**
 * Creates an empty root for an executable.
 *
 * @param options.user Id of the programs' user and group. Default: {@linkcode NONROOT}.
 * @param options.files Further files by path, such as those of a pod's volumes.
 */
export async function makeEmptyRoot(
  executable: string,
  { user = NONROOT, files = {} }: { user?: number; files?: Record<string, string> } = {},
): Promise<EmptyRoot> {
  await using making = new AsyncDisposableStack();
  const { path: root } = making.use(await makeTempDir());
  await Deno.chmod(root, 0o755);
  const libraries = await librariesOf(executable);
  const directory = libraries.find((path) => path.includes("/libc.so"))!.replace(/[^/]+$/, "");
  const makeParent = (path: string) => Deno.mkdir(root + path.replace(/[^/]+$/, ""), { recursive: true });
  for (const path of [...libraries, ...RESOLVERS.map((name) => directory + name)]) {
    await makeParent(path);
    await Deno.copyFile(path, root + path);
  }
  for (const [path, text] of Object.entries(files)) {
    await makeParent(path);
    await Deno.writeTextFile(root + path, text);
  }
  await Deno.mkdir(`${root}/proc`);
  await Deno.writeTextFile(root + INSIDE, "");
  const made = making.move();
  return {
    within: ["unshare", "--mount", "--", "env", "-i", "sh", "-ec", ENTER, "sh", root, executable, `${user}`],
    executable: INSIDE,
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** The shared libraries that an executable is linked with, including its loader. */
async function librariesOf(executable: string): Promise<string[]> {
  const { text } = await run(["ldd", executable]);
  return [...text().matchAll(/(?:^|=>)\s*(\/\S+) \(0x/gm)].map(([, path]) => path!);
}

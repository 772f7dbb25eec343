import { makeTempDir, run } from "../programs/process.ts";

/** The user that programs in an {@linkcode EmptyRoot} run as: nobody's, and distroless's `nonroot`. */
export const NONROOT = 65532;

/** A root directory that holds nothing but an executable and the C library that it needs, as distroless images do. */
export interface EmptyRoot extends AsyncDisposable {
  /**
   * Runs a program in it, which sees nothing else of the machine's files: read-only, as its user, without capabilities or
   * a way to get any, and without a variable in its environment.
   */
  readonly within: readonly string[];
  /** The executable's path in it. */
  readonly executable: string;
}

/** Where the executable is in the root directory. */
const INSIDE = "/micss";

/** Mounts are this program's own, and end with it. Like a container's, the root directory has /proc. */
const ENTER = `
root=$1 executable=$2 user=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$executable" "$root${INSIDE}"
mount --bind /proc "$root/proc"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot -- \\
  "$(command -v chroot)" --userspec="$user:$user" --groups= "$root" "$@"
`;

/** The C library's files that are opened by name, not listed in the executable: how host names are resolved. */
const RESOLVERS = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

/**
 * Makes one for an executable.
 *
 * @param options.user The number of the user, and of the group, that programs run as in it. Default: {@linkcode NONROOT}.
 * @param options.files More that it holds, by path: such as what a pod's volumes would bring.
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

/** The shared libraries that an executable is linked with, its loader among them. */
async function librariesOf(executable: string): Promise<string[]> {
  const { text } = await run(["ldd", executable]);
  return [...text().matchAll(/(?:^|=>)\s*(\/\S+) \(0x/gm)].map(([, path]) => path!);
}

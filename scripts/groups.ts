/**
 * Groups of the suite's test files, for `scripts/test.ts`.
 *
 * `deno test` runs each file in an isolate of its own, which takes up to 0.3 s of a processor before the first test. So
 * most files share one with others of their directory, through a file that imports them all. Those that take longest have
 * one each, and start early, so that none is left to run alone at the end. They and other end to end tests mostly wait, for programs and
 * for time, so tests that need a processor all the time start between them.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);

/** Directory of all test files, relative to the project's. */
const TESTS = "tests/";

/** Maximum number of files that share an isolate, and of those of end to end tests, which take longer. */
const MAX_SHARED = 8, MAX_SHARED_E2E = 3;

/** The directory of end to end tests. */
const E2E = "e2e";

/** The files that take longest, mostly waiting, in descending order of their time. */
const LONG: readonly string[] = [
  "tests/deploy/package_test.ts",
  ...["routes", "rules_lost", "udp_tproxy", "replace", "rules", "workers", "datagrams"].map(e2e),
  "tests/adversary/matrix_test.ts",
  ...["threshold", "page", "streams", "ready", "admin", "demo", "readiness", "ending", "breaks"].map(e2e),
  "tests/model/model_test.ts",
  "tests/load/load_test.ts",
  ...["tproxy", "keepalive", "rules_udp", "rules_watch", "strangers", "liveness", "bench", "identify"].map(e2e),
  ...["failures", "systemd"].map(e2e),
];

/** Files that count what all users of a thread share, and so can't have others with them. */
const ALONE: readonly string[] = ["tests/datagrams/rooms_test.ts"];

function e2e(name: string): string {
  return `tests/${E2E}/${name}_test.ts`;
}

/** Files that share an isolate. */
export interface Group {
  /** The name of the file that imports them. */
  readonly name: string;
  /** Paths relative to the project's directory. */
  readonly files: readonly string[];
}

/** Forms groups of test files, in the order in which they start. @param long Files that have a group each. */
export function group(files: readonly string[], long: readonly string[] = [...LONG, ...ALONE]): Group[] {
  const shared = Map.groupBy(files.filter((file) => !long.includes(file)), (file) => file.split("/")[1]!);
  const waiting = [
    ...long.map((file) => ({ name: file.split("/").at(-1)!, files: [file] })),
    ...share(E2E, shared.get(E2E) ?? [], MAX_SHARED_E2E),
  ];
  shared.delete(E2E);
  return alternate(waiting, [...shared].flatMap(([directory, files]) => share(directory, files, MAX_SHARED)));
}

/** Shares a directory's files out among groups of nearly equal size. */
function share(directory: string, files: readonly string[], most: number): Group[] {
  const groups = Math.ceil(files.length / most);
  return Array.from({ length: groups }, (_, index) => ({
    name: `${directory}${index + 1}.ts`,
    files: files.filter((_, at) => at % groups === index),
  }));
}

/** One of each in turn, then what is left of the longer list. */
function alternate<T>(first: readonly T[], second: readonly T[]): T[] {
  const length = Math.max(first.length, second.length);
  return Array.from({ length }, (_, at) => [...first.slice(at, at + 1), ...second.slice(at, at + 1)]).flat();
}

/** Writes the groups' files into a directory. @returns Their paths, in the order in which they start. */
export async function writeGroups(directory: string): Promise<string[]> {
  return await Promise.all(
    group(await testFiles()).map(async ({ name, files }) => {
      const path = `${directory}/${name}`;
      await Deno.writeTextFile(path, files.map((file) => `import "${new URL(file, ROOT)}";\n`).join(""));
      return path;
    }),
  );
}

/** Paths of all test files, relative to the project's directory and in order. */
export async function testFiles(): Promise<string[]> {
  return (await Array.fromAsync(walk(TESTS))).sort();
}

async function* walk(path: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(path, ROOT))) {
    if (isDirectory) yield* walk(`${path}${name}/`);
    else if (name.endsWith("_test.ts")) yield path + name;
  }
}

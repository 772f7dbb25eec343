import { compile } from "../../scripts/compile.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** What goes into the executable, and so decides whether one that is there already may be used. */
const SOURCES = ["main.ts", "deno.json", "deno.lock", "scripts", "src"];

/** What the executable says that it was built from. */
export const TEST_BUILD = "0123abc of 2026-01-02";

/** What a test's name says when {@linkcode buildExecutable} gives nothing. */
export const COMPILER = "deno compile to work (denort)";

/**
 * Builds the executable of micss as it is here, or takes the one that another test has built from the same sources.
 *
 * The executable is in the directory that scripts/test.ts removes at the end, or, for a test run without it, in the
 * system's for temporary files, where it stays for the next run.
 *
 * @returns Its path, or nothing where the runtime to embed, denort, can't be had.
 * @throws {Error} When the compiler fails for another reason.
 */
export async function buildExecutable(): Promise<string | undefined> {
  const directory = Deno.env.get("MICSS_TEST_DIRECTORY") ?? systemTemporary();
  const path = `${directory}/micss-${await digest()}`;
  if (await exists(path)) return path;
  // another test may build it at the same time: whoever is last puts the same thing in its place
  const mine = `${path}-${crypto.randomUUID()}`;
  // the task `check` looks at types; here that would take longer than all else
  const { code, stderr } = await compile({ output: mine, build: TEST_BUILD, flags: ["--no-check"] }, "piped");
  if (code === 0) {
    await Deno.rename(mine, path);
    return path;
  }
  if (!/denort|dl\.deno\.land/.test(stderr)) throw new Error(`deno compile failed:\n${stderr}`);
  return undefined;
}

/** A name for the sources and the compiler: the start of the SHA-256 over them. */
async function digest(): Promise<string> {
  const parts = [`${Deno.env.get("DENO_COMPILE")} ${Deno.env.get("DENORT_BIN")} ${Deno.version.deno}`];
  for (const source of SOURCES) {
    for (const path of await files(`${ROOT}${source}`)) parts.push(path, await Deno.readTextFile(path));
  }
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\0")));
  return new Uint8Array(hash).subarray(0, 8).toHex();
}

/** The paths of the files at and under `path`, in a fixed order. */
async function files(path: string): Promise<string[]> {
  if (!(await Deno.stat(path)).isDirectory) return [path];
  const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
  return (await Promise.all(names.map((name) => files(`${path}/${name}`)))).flat();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function systemTemporary(): string {
  return Deno.env.get("TMPDIR") ?? "/tmp";
}

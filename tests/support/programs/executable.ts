import { compile } from "../../../scripts/compile.ts";

/** What the executable says that it was built from. */
export const TEST_BUILD = "0123abc of 2026-01-02";

/** What a test's name says when {@linkcode buildExecutable} gives nothing. */
export const COMPILER = "deno compile to work (denort)";

/**
 * Builds the executable of micss as it is here, or takes the one that another test of the run has built.
 *
 * @returns Its path, or nothing where the runtime to embed, denort, can't be had.
 * @throws {Error} When the compiler fails for another reason, or what it builds does not work.
 */
export async function buildExecutable(): Promise<string | undefined> {
  const path = `${Deno.env.get("MICSS_TEST_DIRECTORY") ?? ownDirectory()}/micss`;
  if (await exists(path)) return path;
  // another test may build it at the same time: whoever is last puts the same thing in its place
  const mine = `${path}-${crypto.randomUUID()}`;
  // the task `check` looks at types; here that would take longer than all else
  const { code, stderr } = await compile({ output: mine, build: TEST_BUILD, flags: ["--no-check"], quiet: true });
  if (code === 0) {
    await Deno.rename(mine, path);
    return path;
  }
  if (!/denort|dl\.deno\.land/.test(stderr)) throw new Error(`deno compile failed:\n${stderr}`);
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

let directory: string | undefined;

/** A directory for a run without the task `test`, removed at its end: the next run may be of other sources. */
function ownDirectory(): string {
  if (directory === undefined) {
    const path = Deno.makeTempDirSync({ prefix: "micss-test-" });
    addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
    directory = path;
  }
  return directory;
}

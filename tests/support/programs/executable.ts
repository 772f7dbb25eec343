import { compile } from "../../../scripts/compile.ts";

/** The build name of the tests' executable. */
export const TEST_BUILD = "0123abc of 2026-01-02";

/** Named in a test's name as missing if {@linkcode buildExecutable} returns nothing. */
export const COMPILER = "deno compile to work (denort)";

/**
 * Builds the executable of micss from the current tree, once per run.
 *
 * @returns Its path, or nothing if the runtime to embed, denort, is unavailable.
 * @throws {Error} If the compiler fails for another reason, or its result does not work.
 */
export async function buildExecutable(): Promise<string | undefined> {
  const path = `${Deno.env.get("MICSS_TEST_DIRECTORY") ?? ownDirectory()}/micss`;
  if (await exists(path)) return path;
  // Another test may build it at the same time; the last one replaces it with an identical file.
  const mine = `${path}-${crypto.randomUUID()}`;
  // The task `check` checks types; here that would dominate the time.
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

/** A directory for a run without the task `test`, removed at its end, since the next run's sources may differ. */
function ownDirectory(): string {
  if (directory === undefined) {
    const path = Deno.makeTempDirSync({ prefix: "micss-test-" });
    addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
    directory = path;
  }
  return directory;
}

/**
 * The program in few modules, for the suite: started from these, a handler takes two thirds of the processor's time that
 * it takes from its source, whose modules Deno looks up one by one.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };
import { printedBy } from "./task.ts";

const ROOT = new URL("../", import.meta.url);

/** The module of Workers, which the program loads at run time by its path next to its supervisor's module. */
const WORKER = "src/run/worker.ts";

/** A small application or target of many tests, which find it next to the program. */
const PEER = "tests/support/programs/peer.ts";

/** Maximum time in milliseconds: the first time, Deno fetches its bundler from the npm registry. */
const LIMIT = 60_000;

/**
 * Bundles the program.
 *
 * @param directory Receives the modules; exists already.
 * @param flags Those for `@std`.
 * @returns The command that runs it, without arguments; undefined if Deno can't bundle, which its error output explains.
 */
export async function bundle(directory: string, flags: readonly string[]): Promise<string[] | undefined> {
  const args = [
    "bundle",
    "-q",
    "--no-check",
    "--code-splitting",
    ...flags,
    `--outdir=${directory}`,
    "main.ts",
    WORKER,
    PEER,
  ];
  const signal = AbortSignal.timeout(LIMIT);
  const { code } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "null", signal }).spawn().status;
  if (code !== 0) return undefined;
  await Deno.writeTextFile(`${directory}/worker.ts`, `import "./${WORKER.replace(/ts$/, "js")}";\n`);
  const unstable = project.unstable.map((feature) => `--unstable-${feature}`);
  return [
    Deno.execPath(),
    "run",
    "-q",
    ...await printedBy("runtime"),
    "--no-config",
    ...unstable,
    `${directory}/main.js`,
  ];
}

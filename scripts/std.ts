/**
 * Where `@std` comes from: jsr.io, or the npm registry through `scripts/std/npm.json` where jsr.io can't be reached.
 *
 * The task `std` prints the flags that Deno needs for that, or nothing, for other tasks to include:
 * `deno run -A $(deno task -q std)`. With `--tests`, it prints those for the tests.
 *
 * @module
 */

import { printedBy, words } from "./task.ts";

/** The environment variable that holds the answer once somebody asked; set by hand, it decides, also when empty. */
export const STD_FLAGS = "MICSS_STD_FLAGS";

const LOCK = "--lock=";

/** The lock file of the tests, which has all packages: both ways of `@std`, and what only tests import. */
const TESTS_LOCK = "tests/deno.lock";

/** The flags that make `@std` come from the npm registry; relative to the project's directory, where tasks run. */
const NPM_FLAGS = `--import-map=scripts/std/npm.json ${LOCK}scripts/std/deno.lock`;

const SPECIFIERS = ["@std/assert", "@std/cli", "@std/streams", "@std/yaml"];

/** How long jsr.io may take to answer, in milliseconds. */
const PROBE_LIMIT = 3_000;

/** The flags for running, checking or compiling the project's code: what the task `std` prints, or printed before. */
export async function stdFlags(): Promise<string[]> {
  const known = Deno.env.get(STD_FLAGS);
  return known === undefined ? await printedBy("std") : words(known);
}

/** The flags for running or checking the tests: {@linkcode stdFlags} with the lock file of the tests. */
export function testFlags(flags: readonly string[]): string[] {
  return [...flags.filter((flag) => !flag.startsWith(LOCK)), LOCK + TESTS_LOCK];
}

/** The lock file that goes with flags of {@linkcode stdFlags}, from the project's directory. */
export function lockOf(flags: readonly string[]): string {
  return flags.find((flag) => flag.startsWith(LOCK))?.slice(LOCK.length) ?? "deno.lock";
}

/** Whether the packages are in Deno's cache: the task runs with `--cached-only`, so nothing is fetched here. */
async function isCached(): Promise<boolean> {
  try {
    // not literals, so that Deno does not look for them before it runs this file
    await Promise.all(SPECIFIERS.map((specifier) => import(specifier)));
    return true;
  } catch {
    return false;
  }
}

async function jsrAnswers(): Promise<boolean> {
  try {
    const url = "https://jsr.io/@std/assert/meta.json";
    const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_LIMIT) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

async function detect(): Promise<string> {
  if (await isCached() || await jsrAnswers()) return "";
  console.error("std: jsr.io can't be reached, so @std comes from the npm registry (scripts/std/npm.json)");
  return NPM_FLAGS;
}

if (import.meta.main) {
  const flags = Deno.env.get(STD_FLAGS) ?? await detect();
  console.log(Deno.args.includes("--tests") ? testFlags(words(flags)).join(" ") : flags);
}

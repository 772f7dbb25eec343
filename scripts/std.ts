/**
 * The source of `@std`: jsr.io, or the npm registry through `scripts/std/npm.json` if jsr.io is unreachable.
 *
 * The task `std` prints the flags that Deno needs for that, possibly none, for other tasks to include:
 * `deno run -A $(deno task -q std)`. With `--tests`, it prints the flags for the tests.
 *
 * @module
 */

import { printedBy, words } from "./task.ts";

/** The environment variable that caches the detected flags. If set, even to the empty string, nothing is detected. */
export const STD_FLAGS = "MICSS_STD_FLAGS";

const LOCK = "--lock=";

/** The tests' lock file, which has all packages: both sources of `@std`, and those that only tests import. */
const TESTS_LOCK = "tests/deno.lock";

/** Flags for `@std` from the npm registry; paths are relative to the project's directory, where tasks run. */
const NPM_FLAGS = `--import-map=scripts/std/npm.json ${LOCK}scripts/std/deno.lock`;

const SPECIFIERS = ["@std/assert", "@std/cli", "@std/streams", "@std/yaml"];

/** Maximum wait for jsr.io, in milliseconds. */
const PROBE_LIMIT = 3_000;

/** The flags for running, checking or compiling the project's code, detected once. */
export async function stdFlags(): Promise<string[]> {
  const known = Deno.env.get(STD_FLAGS);
  return known === undefined ? await printedBy("std") : words(known);
}

/** The flags for running or checking the tests: {@linkcode stdFlags} with the tests' lock file. */
export function testFlags(flags: readonly string[]): string[] {
  return [...flags.filter((flag) => !flag.startsWith(LOCK)), LOCK + TESTS_LOCK];
}

/** The lock file that `flags` name, relative to the project's directory. */
export function lockOf(flags: readonly string[]): string {
  return flags.find((flag) => flag.startsWith(LOCK))?.slice(LOCK.length) ?? "deno.lock";
}

/** Checks Deno's cache for the packages; the task runs with `--cached-only`, so nothing is fetched here. */
async function isCached(): Promise<boolean> {
  try {
    // Specifiers that are not literals, so that Deno does not resolve them before it runs this file.
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
  console.error("std: jsr.io is unreachable; using the npm registry for @std (scripts/std/npm.json)");
  return NPM_FLAGS;
}

if (import.meta.main) {
  const flags = Deno.env.get(STD_FLAGS) ?? await detect();
  console.log(Deno.args.includes("--tests") ? testFlags(words(flags)).join(" ") : flags);
}

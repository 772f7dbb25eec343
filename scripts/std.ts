/**
 * Where `@std` comes from: jsr.io, or the npm registry through `scripts/std/npm.json` where jsr.io can't be reached.
 *
 * The task `std` prints the flags that Deno needs for that, or nothing, for other tasks to include:
 * `deno test -A $(deno task -q std)`.
 *
 * @module
 */

/** The environment variable that holds the answer once somebody asked; set by hand, it decides, also when empty. */
export const STD_FLAGS = "MICSS_STD_FLAGS";

/** The flags that make `@std` come from the npm registry; relative to the project's directory, where tasks run. */
const NPM_FLAGS = "--import-map=scripts/std/npm.json --lock=scripts/std/deno.lock";

const SPECIFIERS = ["@std/assert", "@std/cli", "@std/streams", "@std/yaml"];

/** How long jsr.io may take to answer, in milliseconds. */
const PROBE_LIMIT = 3_000;

/** The flags for running and checking the project's code, and whether this call found them out itself. */
export async function stdFlags(): Promise<{ flags: string[]; probed: boolean }> {
  const known = Deno.env.get(STD_FLAGS);
  const text = known ?? (await isCached() || await jsrAnswers() ? "" : NPM_FLAGS);
  return { flags: text.split(" ").filter(Boolean), probed: known === undefined };
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

if (import.meta.main) {
  const { flags, probed } = await stdFlags();
  if (flags.length > 0) {
    if (probed) {
      console.error("std: jsr.io can't be reached, so @std comes from the npm registry (scripts/std/npm.json)");
    }
    console.log(flags.join(" "));
  }
}

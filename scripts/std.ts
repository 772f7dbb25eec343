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

/** The flags for running, checking or compiling the project's code: what the task `std` prints, or printed before. */
export async function stdFlags(): Promise<string[]> {
  const known = Deno.env.get(STD_FLAGS);
  if (known !== undefined) return split(known);
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "std"],
    cwd: new URL("..", import.meta.url),
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`The task std ended with status ${code}`);
  return split(new TextDecoder().decode(stdout));
}

function split(flags: string): string[] {
  return flags.split(/\s+/).filter(Boolean);
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
  const known = Deno.env.get(STD_FLAGS);
  if (known !== undefined) {
    console.log(known);
  } else if (!await isCached() && !await jsrAnswers()) {
    console.error("std: jsr.io can't be reached, so @std comes from the npm registry (scripts/std/npm.json)");
    console.log(NPM_FLAGS);
  }
}

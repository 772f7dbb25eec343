/**
 * The task `compile`: builds the executable of micss, `deno run -A scripts/compile.ts OUTPUT [FLAG OF deno compile]...`.
 *
 * It is plain `deno compile`, which embeds a runtime that it downloads from dl.deno.land. Where that can't be reached, and
 * a runtime of another version is at hand, set `DENORT_BIN` to it, and `DENO_COMPILE` to a `deno` of its version.
 *
 * What `micss version` says it was built from is git's word on the tree, or `MICSS_BUILD` where that is set.
 *
 * @module
 */

import { runTimeLock } from "./run_time_lock.ts";
import { stdFlags } from "./std.ts";

const ROOT = new URL("..", import.meta.url);

/** Files that the executable loads at run time, which `deno compile` does not find by itself: modules of Workers. */
const INCLUDED: string[] = ["src/cli/worker.ts"];

/** What takes part in a build, and so decides whether the tree is the commit's. */
const SOURCES = ["main.ts", "deno.json", "deno.lock", "scripts", "src"];

/** Builds the executable. */
export interface Compile {
  /** Where it goes. */
  readonly output: string;
  /** More flags for `deno compile`. Default: none. */
  readonly flags?: readonly string[];
  /** What is built, for `micss version`. Default: {@linkcode buildName}. */
  readonly build?: string;
}

/**
 * Runs `deno compile`.
 *
 * @param stdio Where the compiler writes.
 * @returns Its exit status, and what it wrote to standard error where that is piped.
 */
export async function compile(
  { output, flags = [], build }: Compile,
  stdio: "inherit" | "piped" = "inherit",
): Promise<{ code: number; stderr: string }> {
  const environment = await Deno.makeTempFile({ prefix: "micss-", suffix: ".env" });
  const lock = await Deno.makeTempFile({ prefix: "micss-", suffix: ".lock" });
  try {
    const std = await stdFlags();
    const locked = std.find((flag) => flag.startsWith("--lock="))?.slice("--lock=".length) ?? "deno.lock";
    await Deno.writeTextFile(lock, runTimeLock(await Deno.readTextFile(new URL(locked, ROOT))));
    await Deno.writeTextFile(environment, `MICSS_BUILD="${build ?? await buildName()}"\n`);
    // Given once only: who names V8's flags has all of them.
    const isOfV8 = (flag: string) => flag.startsWith("--v8-flags");
    const given = flags.some(isOfV8);
    const runtime = (await printed("runtime")).filter((flag) => !(given && isOfV8(flag)));
    const args = [
      "compile",
      // with a code cache, it would load what anyone may have put at a known path in the directory for temporary files
      "--no-code-cache",
      `--env-file=${environment}`,
      ...runtime,
      ...std.filter((flag) => !flag.startsWith("--lock=")),
      `--lock=${lock}`,
      ...INCLUDED.map((path) => `--include=${path}`),
      `--output=${output}`,
      ...flags,
      "main.ts",
    ];
    const program = Deno.env.get("DENO_COMPILE") ?? Deno.execPath();
    const child = new Deno.Command(program, { args, cwd: ROOT, stdin: "null", stdout: stdio, stderr: stdio }).spawn();
    if (stdio === "inherit") return { code: (await child.status).code, stderr: "" };
    const { code, stderr } = await child.output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(environment);
    await Deno.remove(lock);
  }
}

/** The flags that a task of deno.json prints. */
async function printed(task: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["task", "-q", task], cwd: ROOT }).output();
  return new TextDecoder().decode(stdout).trim().split(" ");
}

/** The commit and its date, "6c5f824 of 2026-11-22", with a `+` where the tree has changes; empty where nobody tells. */
export async function buildName(): Promise<string> {
  const given = Deno.env.get("MICSS_BUILD");
  if (given !== undefined) return given;
  const commit = await git("log", "-1", "--format=%h of %cs");
  if (commit === undefined) return "";
  const changed = await git("status", "--porcelain", "--", ...SOURCES) !== "";
  return changed ? commit.replace(" ", "+ ") : commit;
}

async function git(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    // There is no git, and there may be no repository.
    return undefined;
  }
}

if (import.meta.main) {
  const [output, ...flags] = Deno.args;
  if (output === undefined) {
    console.error("compile: no output; give the path of the executable to build");
    Deno.exit(2);
  }
  // `deno task compile -- --target ...` hands the dashes on, too
  const { code } = await compile({ output, flags: flags.filter((flag) => flag !== "--") });
  Deno.exit(code);
}

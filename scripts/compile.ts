/**
 * The task `compile`: builds the executable of micss, `deno run -A scripts/compile.ts OUTPUT [FLAG OF deno compile]...`.
 *
 * Runs plain `deno compile`, which embeds a runtime downloaded from dl.deno.land. If that is unreachable and a runtime of
 * another version is available, set `DENORT_BIN` to its path, and `DENO_COMPILE` to a `deno` of the same version.
 *
 * `micss version` reports the commit that git finds, or `MICSS_BUILD` if it is set.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { missingPackages } from "./packages.ts";
import { lockOf, stdFlags } from "./std.ts";
import { printedBy } from "./task.ts";
import { verify } from "./verify.ts";

const ROOT = new URL("..", import.meta.url);

/** Modules of Workers, which `deno compile` does not discover: the executable loads them at run time. */
const INCLUDED: string[] = ["src/run/worker.ts"];

/** The executable's entry point. */
const PROGRAM = "main.ts";

/** Sources of a build; changes to them mark the build as modified. */
export const SOURCES: readonly string[] = ["main.ts", "deno.json", "deno.lock", "scripts", "src"];

/** An executable to build. */
export interface Compile {
  /** Path of the executable, relative to the project's directory. */
  readonly output: string;
  /** Further flags for `deno compile`. Default: none. */
  readonly flags?: readonly string[];
  /** Build name reported by `micss version`. Default: {@linkcode buildName}. */
  readonly build?: string;
  /** Captures the compiler's output without also passing it on. Default: false. */
  readonly quiet?: boolean;
}

/** Outcome of the compiler. */
export interface Compiled {
  /** Its exit status. */
  readonly code: number;
  /** Its standard output. */
  readonly stdout: string;
  /** Its standard error. */
  readonly stderr: string;
}

/** An executable compiled without an error that lacks something. */
export class BrokenBuild extends Error {
  override name = "BrokenBuild";
}

/**
 * Runs `deno compile` and verifies the executable: a compiler that can't fetch a package omits it without an error. The
 * lock file alone determines the embedded packages.
 *
 * @throws {BrokenBuild} If the executable lacks a package, or fails its verification on this system; it is removed.
 */
export async function compile({ output, flags = [], build, quiet = false }: Compile): Promise<Compiled> {
  const environment = await Deno.makeTempFile({ prefix: "micss-", suffix: ".env" });
  try {
    const std = await stdFlags();
    await Deno.writeTextFile(environment, `MICSS_BUILD="${build ?? await buildName()}"\n`);
    // V8's flags are passed once: a caller who names any replaces all.
    const isOfV8 = (flag: string) => flag.startsWith("--v8-flags");
    const given = flags.some(isOfV8);
    const runtime = (await printedBy("runtime")).filter((flag) => !(given && isOfV8(flag)));
    const args = [
      "compile",
      // With a code cache, it would load a file that any user may have placed at a known path in the temporary directory.
      "--no-code-cache",
      "--frozen",
      `--env-file=${environment}`,
      ...runtime,
      ...std,
      ...INCLUDED.map((path) => `--include=${path}`),
      `--output=${output}`,
      ...flags,
      PROGRAM,
    ];
    const compiled = await run(Deno.env.get("DENO_COMPILE") ?? Deno.execPath(), args, quiet);
    if (compiled.code === 0) {
      const lock = await Deno.readTextFile(new URL(lockOf(std), ROOT));
      await check(output, targetOf(flags), missingPackages(lock, compiled.stdout + compiled.stderr));
    }
    return compiled;
  } finally {
    await Deno.remove(environment);
  }
}

/** Verifies an executable, and removes it if it is broken. @param missing The packages that it lacks. */
async function check(output: string, target: string, missing: readonly string[]): Promise<void> {
  const path = resolve(fileURLToPath(ROOT), /windows/.test(target) ? output.replace(/(\.exe)?$/, ".exe") : output);
  try {
    if (missing.length > 0) {
      throw new BrokenBuild(
        `the executable lacks ${
          missing.join(", ")
        }; let the compiler reach the npm registry, and trust its certificate ` +
          "(DENO_TLS_CA_STORE=system)",
      );
    }
    if (target === Deno.build.target) {
      await verify(path).catch((error: Error) => {
        throw new BrokenBuild(`the executable does not work: ${error.message}`);
      });
    }
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
}

/** The system to build for. */
function targetOf(flags: readonly string[]): string {
  const at = flags.findIndex((flag) => /^--target(=|$)/.test(flag));
  if (at < 0) return Deno.build.target;
  return flags[at]!.split("=")[1] ?? flags[at + 1] ?? "";
}

/** Runs Deno in the project's directory. @param quiet See {@linkcode Compile.quiet}. */
async function run(program: string, args: string[], quiet: boolean): Promise<Compiled> {
  const child = new Deno.Command(program, { args, cwd: ROOT, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const [{ code }, stdout, stderr] = await Promise.all([
    child.status,
    collect(child.stdout, quiet ? undefined : Deno.stdout),
    collect(child.stderr, quiet ? undefined : Deno.stderr),
  ]);
  return { code, stdout, stderr };
}

/** Reads a stream to its end. @param to Receives a copy. */
async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  to?: { writeSync(bytes: Uint8Array): number },
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    for (let at = 0; to && at < chunk.length;) at += to.writeSync(chunk.subarray(at));
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The commit and its date, "6c5f824 of 2026-11-22", with a `+` if the tree has changes; empty without a repository. */
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
    // git or the repository is missing.
    return undefined;
  }
}

if (import.meta.main) {
  const [output, ...flags] = Deno.args;
  if (output === undefined) {
    console.error("compile: no output file; give the path of the executable to build");
    Deno.exit(2);
  }
  try {
    // `deno task compile -- --target ...` passes the dashes on, too.
    const { code } = await compile({ output, flags: flags.filter((flag) => flag !== "--") });
    Deno.exit(code);
  } catch (error) {
    if (!(error instanceof BrokenBuild)) throw error;
    console.error(`compile: ${error.message}`);
    Deno.exit(1);
  }
}

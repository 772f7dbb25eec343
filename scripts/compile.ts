/**
 * The task `compile`: builds the executable of micss, `deno run -A scripts/compile.ts OUTPUT`.
 *
 * It is plain `deno compile`, which embeds a runtime that it downloads from dl.deno.land. Where that can't be reached, and
 * a runtime of another version is at hand, set `DENORT_BIN` to it, and `DENO_COMPILE` to a `deno` of its version.
 *
 * @module
 */

import { stdFlags } from "./std.ts";

const ROOT = new URL("..", import.meta.url);

/** Files that the executable loads at run time, which `deno compile` does not find by itself: modules of Workers. */
const INCLUDED: string[] = [];

/** The command that builds the executable at `output`, to be run in the project's directory. */
export async function compileCommand(output: string): Promise<[program: string, args: string[]]> {
  const allow = await new Deno.Command(Deno.execPath(), { args: ["task", "-q", "allow"], cwd: ROOT }).output();
  const permissions = new TextDecoder().decode(allow.stdout).trim().split(" ");
  const include = INCLUDED.map((path) => `--include=${path}`);
  const program = Deno.env.get("DENO_COMPILE") ?? Deno.execPath();
  // with a code cache, it would load what anyone may have put at a known path in the directory for temporary files
  return [program, [
    "compile",
    "--no-code-cache",
    ...permissions,
    ...await stdFlags(),
    ...include,
    `--output=${output}`,
    "main.ts",
  ]];
}

if (import.meta.main) {
  const [output] = Deno.args;
  if (output === undefined) {
    console.error("compile: no output; give the path of the executable to build");
    Deno.exit(2);
  }
  const [program, args] = await compileCommand(output);
  const { code } = await new Deno.Command(program, { args, cwd: ROOT }).spawn().status;
  Deno.exit(code);
}

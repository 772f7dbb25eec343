/** The task `compile`, with a program in the compiler's place that only says how it was called. */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** What `deno compile` is told by the task, given these arguments. */
async function told(...args: string[]): Promise<string[]> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "scripts/compile.ts", "micss", ...args],
    env: { DENO_COMPILE: "echo", MICSS_BUILD: "0123abc of 2026-01-02" },
    cwd: ROOT,
  }).output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout).trim().split(" ");
}

Deno.test("what follows the task's name goes to deno compile, before the program, and dashes don't", async () => {
  const [compile, ...rest] = await told("--", "--target", "aarch64-apple-darwin");
  assertEquals(compile, "compile");
  assertEquals(rest.slice(-4), ["--output=micss", "--target", "aarch64-apple-darwin", "main.ts"]);
});

Deno.test("the executable gets the flags of the task runtime, and no code cache", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const args = await told();
  for (const flag of tasks.runtime.command.replace("echo ", "").split(" ")) assert(args.includes(flag), flag);
  assertEquals(args.filter((arg) => arg.startsWith("--allow")).length, tasks.runtime.command.match(/--allow/g).length);
  assert(args.includes("--no-code-cache"));
});

Deno.test("who names V8's flags has those, in place of the task's", async () => {
  const args = await told("--v8-flags=--max-semi-space-size=4");
  assertEquals(args.filter((arg) => arg.startsWith("--v8-flags")), ["--v8-flags=--max-semi-space-size=4"]);
});

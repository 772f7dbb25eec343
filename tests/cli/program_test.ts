import { assertEquals, assertMatch } from "@std/assert";
import { stdFlags } from "../../scripts/std.ts";
import { run as runProgram } from "../support/programs/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts the program in a process, with the permissions that it needs to report mistakes. */
async function start(...args: string[]): Promise<Deno.ChildProcess> {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-read", ...await stdFlags(), "main.ts", ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs the program with arguments for which it exits immediately. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await (await start(...args)).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("the program writes help to standard output and exits 0", async () => {
  const { code, out, err } = await run("help", "server");
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^micss server: .+\n\nUsage: micss server /);
});

Deno.test("the program writes mistakes to standard error and exits 2", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, "channels: [a, b]\ntargets:\n  80: 127.0.0.1:port\n");
    assertEquals(await run("server", "--config", path), {
      code: 2,
      out: "",
      err: `micss: ${path}:3: targets.80: not an address: "127.0.0.1:port"; write HOST:PORT\n`,
    });
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a reader of the help that has gone causes no error", async () => {
  const child = await start("help");
  await child.stdout.cancel();
  const [{ code }, err] = await Promise.all([child.status, new Response(child.stderr).text()]);
  assertEquals([code, err], [0, ""]);
});

Deno.test("an environment variable that is not UTF-8 is reported in one line", async () => {
  const permissions = ["--allow-read", "--allow-env=HOME,XDG_STATE_HOME", "--allow-sys=uid"];
  const command = [Deno.execPath(), "run", "--quiet", "--no-prompt", ...permissions, ...await stdFlags(), "main.ts"];
  for (const variable of ["HOME", "XDG_STATE_HOME"]) {
    // A directory name in Latin-1, which only a shell can pass on.
    const set = `export DENO_DIR="\${DENO_DIR:-\${XDG_CACHE_HOME:-$HOME/.cache}/deno}"
      export ${variable}=$(printf '/nowhere/\\351'); exec "$@"`;
    const outcome = await runProgram(["sh", "-c", set, "sh", ...command, "channels", "list"], {
      cwd: ROOT,
      mayFail: true,
    });
    assertEquals(
      [outcome.code, outcome.stderr],
      [2, `micss: environment variable ${variable}: not UTF-8; set it to UTF-8 text, or unset it\n`],
    );
  }
});

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

Deno.test("a configuration is read from standard input, a pipe or a file, by any of its paths", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, "channels: [192.0.2.1, 192.0.2.2]\ntargets: {80: 192.0.2.3}\n");
    const command = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", ...await stdFlags(), "main.ts"];
    for (const path of ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]) {
      for (const feed of [`cat ${file} | "$@"`, `"$@" <${file}`]) {
        const args = ["-c", feed, "sh", ...command, "check", "server", path];
        const { success, stdout, stderr } = await new Deno.Command("sh", { args, cwd: ROOT }).output();
        const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        assertEquals([success, out], [true, `${path}: valid server configuration\n`], err);
      }
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("standard output on a full disk is reported in one line, with status 1", async () => {
  const command = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", ...await stdFlags(), "main.ts"];
  const args = ["-c", '"$@" >/dev/full', "sh", ...command, "--version"];
  const { code, stderr } = await new Deno.Command("sh", { args, cwd: ROOT }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    "micss: can't write the output: No space left on device\n",
  ]);
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

/** The task `compile`, with scripts in the compiler's place, and of the compiler itself what happens without a registry. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { lockOf, stdFlags } from "../../scripts/std.ts";
import { buildExecutable, COMPILER } from "../support/programs/executable.ts";
import { makeTempDir, type Outcome, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url);

/** The packages that go into the executable, by the lock file in use. */
const packages = Object.keys(
  JSON.parse(await Deno.readTextFile(new URL(lockOf(await stdFlags()), ROOT))).npm as Record<string, unknown>,
);

/** The embedded files that a compiler lists, as Deno 2.6 and 2.9 do. */
const LISTING = `
Embedded Files

micss
├─┬ .deno_compile_node_modules (1.6MB)
│ └─┬ localhost (1.6MB)
${packages.map((name) => `│   ├── ${name.replace(/@([^@]+)$/, "/$1")}/* (168.59KB)`).join("\n")}
├── deno.json (4.73KB)
`;

/** The outcome of the task with a shell script as its compiler, which has its own arguments in `$@`. */
async function compileBy(script: string, ...args: string[]): Promise<Outcome & { built: boolean }> {
  await using directory = await makeTempDir();
  const compiler = `${directory.path}/compiler`;
  const output = `${directory.path}/micss`;
  await Deno.writeTextFile(compiler, `#!/bin/sh\noutput=${output}\n${script}\n`, { mode: 0o755 });
  const command = [Deno.execPath(), "run", "-A", "--no-lock", "scripts/compile.ts", output, ...args];
  const outcome = await run(command, {
    env: { DENO_COMPILE: compiler, MICSS_BUILD: "0123abc of 2026-01-02" },
    cwd: ROOT.pathname,
    mayFail: true,
  });
  return { ...outcome, built: await Deno.stat(output).then(() => true, () => false) };
}

/** A compiler that lists its embedded files, and whose executable is a shell script. */
const built = (executable: string, listing = LISTING) =>
  `cat <<'END'\n${listing}END\nprintf '%s\\n' '#!/bin/sh' '${executable}' >$output; chmod 755 $output`;

/** The arguments of the compiler, given these of the task. */
async function told(...args: string[]): Promise<string[]> {
  const { code, text } = await compileBy('echo "$@"; exit 3', ...args);
  assertEquals(code, 3, "a compiler's failure is the task's");
  return text().trim().split(" ");
}

Deno.test("arguments of the task are passed to deno compile before the program, without dashes", async () => {
  const [compile, ...rest] = await told("--", "--target", "aarch64-apple-darwin");
  assertEquals(compile, "compile");
  assertMatch(rest.slice(-4).join(" "), /^--output=\S+micss --target aarch64-apple-darwin main\.ts$/);
});

Deno.test("the executable gets the flags of the task runtime, no code cache, and the packages that are locked", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const args = await told();
  for (const flag of tasks.runtime.command.replace("echo ", "").split(" ")) assert(args.includes(flag), flag);
  assertEquals(args.filter((arg) => arg.startsWith("--allow")).length, tasks.runtime.command.match(/--allow/g).length);
  assert(args.includes("--no-code-cache"));
  assert(args.includes("--frozen"));
});

Deno.test("V8's flags in the arguments replace the task's", async () => {
  const args = await told("--v8-flags=--max-semi-space-size=4");
  assertEquals(args.filter((arg) => arg.startsWith("--v8-flags")), ["--v8-flags=--max-semi-space-size=4"]);
});

/** Asserts that a build ended in one line that says this, and left no executable. */
function assertBroken({ code, stderr, built }: Awaited<ReturnType<typeof compileBy>>, message: string): void {
  const last = stderr.trimEnd().split("\n").at(-1)!;
  assertEquals([code, last.slice(0, `compile: ${message}`.length), built], [1, `compile: ${message}`, false]);
}

for (const name of packages) {
  Deno.test(`an executable without ${name} is removed, and the task fails in a line that names it`, async () => {
    const listing = LISTING.split("\n").filter((line) => !line.includes(`─ ${name.split("@")[0]}/`)).join("\n");
    // A compiler that can't fetch a package names it, too.
    const outcome = await compileBy(built("exit 0", `Download https://registry.test/${name}/-/\n${listing}`));
    assertBroken(outcome, `the executable lacks ${name}; let the compiler reach the npm registry`);
  });
}

const steps: [step: string, executable: string, message: string][] = [
  ["does not start", "exit 7", "can't start: status 7"],
  [
    "opens no database",
    "test $1 = version || { echo no SQLite >&2; echo at x.ts:1 >&2; exit 1; }",
    "can't open a database: no SQLite",
  ],
  [
    "reads no YAML",
    "test $1 != client || { echo no YAML >&2; exit 1; }",
    "can't serve the page of a handler started from a YAML file: no YAML",
  ],
  ["has no page", "test $1 != client", "can't serve the page of a handler started from a YAML file: it exited without"],
];
for (const [name, executable, message] of steps) {
  Deno.test(`an executable that ${name} is removed, and the task fails in a line that says so`, async () => {
    assertBroken(await compileBy(built(executable)), `the executable does not work: ${message}`);
  });
}

Deno.test("an executable whose page lacks its chart is removed", async () => {
  await using admin = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("", { status: 500 }),
  );
  const line = `{"event":"admin","at":"127.0.0.1:${admin.addr.port}"}`;
  const outcome = await compileBy(
    built(`test $1 != client || { echo "${line.replaceAll('"', '\\"')}" >&2; exec sleep 60; }`),
  );
  assertBroken(
    outcome,
    "the executable does not work: can't serve the page of a handler started from a YAML file: /uplot",
  );
});

Deno.test("an executable for another system is not run, but must have all packages", async () => {
  const target = ["--target", "aarch64-apple-darwin"];
  const { code, built: there } = await compileBy(built("exit 7"), ...target);
  assertEquals([code, there], [0, true]);
  assertBroken(await compileBy(built("exit 7", ""), ...target), `the executable lacks ${packages.join(", ")}; `);
});

const executable = await buildExecutable();

testWith(
  executable === undefined ? [COMPILER] : [],
  "a compiler with an empty cache that reaches no registry builds nothing, and the task says what is missing",
  async () => {
    await using cache = await makeTempDir();
    const proxies = "HTTP_PROXY=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 NO_PROXY=jsr.io,dl.deno.land";
    const compiler = Deno.env.get("DENO_COMPILE") ?? Deno.execPath();
    const outcome = await compileBy(`exec env DENO_DIR=${cache.path} ${proxies} ${compiler} "$@"`, "--no-check");
    assertBroken(outcome, `the executable lacks ${packages.join(", ")}; let the compiler reach the npm registry`);
  },
);

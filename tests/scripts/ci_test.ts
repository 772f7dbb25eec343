/** .ci/run, with scripts in place of the programs that it runs: it passes on each failure, and ends in the counts. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeTempDir, type Outcome, run } from "../support/programs/process.ts";

const SCRIPT = new URL("../../.ci/run", import.meta.url);

/** Runs a copy with these shell scripts in place of the suite, the check, the site, and shared/tools/denort.sh. */
async function runCi(
  { test = 'echo "5 passed, 0 failed"', check = "true", site = "true", denort = "true" } = {},
): Promise<Outcome> {
  await using directory = await makeTempDir();
  const { path } = directory;
  for (const part of ["project/.ci", "shared/tools", "bin"]) await Deno.mkdir(`${path}/${part}`, { recursive: true });
  await Deno.copyFile(SCRIPT, `${path}/project/.ci/run`);
  await Deno.writeTextFile(`${path}/shared/tools/denort.sh`, denort);
  const programs = {
    // all is installed
    "dpkg-query": "printf installed",
    npx: `case "$*" in *"task check") ${check} ;; *"task site") ${site} ;; *"task test") ${test} ;; *) exit 9 ;; esac`,
  };
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${path}/bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const env = { PATH: `${path}/bin:${Deno.env.get("PATH")}`, TMPDIR: path };
  const outcome = await run(["bash", `${path}/project/.ci/run`], { env, mayFail: true });
  const left = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
  assertEquals(left, ["bin", "project", "shared"]);
  return outcome;
}

const lastLine = ({ text }: Outcome) => text().trimEnd().split("\n").at(-1);

Deno.test(".ci/run ends in the suite's counts, with its status", async () => {
  const passed = await runCi();
  assertEquals([passed.code, lastLine(passed)], [0, "5 passed, 0 failed"]);
  const failed = await runCi({ test: 'echo "4 passed, 1 failed"; exit 1' });
  assertEquals([failed.code, lastLine(failed)], [1, "4 passed, 1 failed"]);
});

Deno.test(".ci/run fails as root if a test was ignored", async () => {
  const outcome = await runCi({ test: 'echo "5 passed, 0 failed, 1 skipped"' });
  assertEquals([outcome.code, lastLine(outcome)], [Deno.uid() === 0 ? 1 : 0, "5 passed, 0 failed, 1 skipped"]);
});

Deno.test(".ci/run fails if the check, the site or the search for the compiler's runtime does", async () => {
  assertEquals((await runCi({ check: "exit 5" })).code, 5);
  assertEquals((await runCi({ site: "exit 7" })).code, 7);
  assertEquals((await runCi({ denort: "exit 6" })).code, 6);
  const variables = await runCi({ denort: "echo export DENORT_BIN=/a", test: 'echo "$DENORT_BIN passed"' });
  assertEquals(lastLine(variables), "/a passed");
});

Deno.test(".ci/run has its own Deno cache, which is empty at first", async () => {
  const { code, text } = await runCi({ test: 'ls "$DENO_DIR" 2>&1; echo "$DENO_DIR passed"' });
  assertEquals(code, 0);
  const [listing, last] = text().trimEnd().split("\n");
  assertMatch(listing!, /No such file/);
  assert(last!.includes("/tmp.") && last!.endsWith(" passed"), last);
});

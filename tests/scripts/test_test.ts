import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { count, summary, whileChecked } from "../../scripts/test.ts";

const SCRIPT = new URL("../../scripts/test.ts", import.meta.url).pathname;

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="7" failures="2" errors="0" time="0.005">
    <testsuite name="./a_test.ts" tests="7" disabled="3" errors="0" failures="2">
        <testcase name="fine" classname="./a_test.ts" time="0.000" line="1" col="6">
        </testcase>
        <testcase name="a &gt; b is no step" classname="./a_test.ts" time="0.000" line="1" col="6">
        </testcase>
        <testcase name="in steps" classname="./a_test.ts" time="0.001" line="2" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="ip &quot;x&quot; (ignored: needs root)" classname="./a_test.ts" time="0.000" line="3" col="6">
            <skipped/>
        </testcase>
        <testcase name="left out by a filter" classname="./a_test.ts" line="4" col="6">
            <skipped/>
        </testcase>
        <testcase name="in steps &gt; one" classname="./a_test.ts" time="0.000" line="2" col="41">
        </testcase>
        <testcase name="in steps &gt; two" classname="./a_test.ts" time="0.000" line="2" col="69">
            <failure message="Uncaught Error: no">Error: no</failure>
        </testcase>
    </testsuite>
    <testsuite name="./support.ts" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="fine &gt; a step that another file defines" classname="./support.ts" time="0.000" line="1" col="6">
        </testcase>
    </testsuite>
</testsuites>`;

Deno.test("count counts tests, without their steps and those that a filter excluded", () => {
  assertEquals(count(REPORT), { passed: 2, failed: 1, ignored: ['ip "x" (ignored: needs root)'] });
});

Deno.test("summary ends in the counts, after the ignored tests", () => {
  assertEquals(summary(count(REPORT)), 'ip "x" (ignored: needs root)\n2 passed, 1 failed, 1 skipped');
  assertEquals(summary({ passed: 3, failed: 0, ignored: [] }), "3 passed, 0 failed");
});

/** Runs scripts/test.ts over one test file with this text; its status and last line. */
async function runSuite(
  text: string,
  ...flags: string[]
): Promise<{ code: number; lastLine: string; errors: string }> {
  const directory = await Deno.makeTempDir({ prefix: "micss-suite-" });
  try {
    await Deno.writeTextFile(`${directory}/x_test.ts`, text);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", SCRIPT, "--no-config", ...flags, "."],
      cwd: directory,
      // The small suite imports nothing, so it needs no flags.
      env: { MICSS_STD_FLAGS: "", NO_COLOR: "1" },
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, lastLine: decode(stdout).trimEnd().split("\n").at(-1) ?? "", errors: decode(stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the task passes on a suite's success and failure", async () => {
  const [passing, failing] = await Promise.all([
    runSuite(`Deno.test("a", () => {}); Deno.test.ignore("b", () => {});`, "--no-check"),
    runSuite(`Deno.test("a", () => {}); Deno.test("b", () => { throw new Error("no"); });`, "--no-check"),
  ]);
  assertEquals([passing.code, passing.lastLine], [0, "1 passed, 0 failed, 1 skipped"]);
  assertEquals([failing.code, failing.lastLine], [1, "1 passed, 1 failed"]);
});

Deno.test("the task fails clearly when a test file does not load, or does not compile", async () => {
  const [throwing, wrong] = await Promise.all([
    runSuite(`throw new Error("early");`, "--no-check"),
    runSuite(`const a: string = 1; Deno.test(a, () => {});`),
  ]);
  assertEquals(throwing.code, 1);
  assertMatch(throwing.errors, /test: deno test exited with status 1/);
  assertEquals(wrong.code, 1);
  assertMatch(wrong.errors, /test: deno test exited with status 1 and left no report/);
});

Deno.test({
  name: "tests are ended when types turn out to be wrong, and end by themselves otherwise",
  ignore: Deno.build.os === "windows",
  async fn() {
    const start = (command: string) => new Deno.Command("sh", { args: ["-c", command] }).spawn();
    assertEquals(await whileChecked(start("exec sleep 60"), start("exit 2")), [128 + 15, 2]);
    assertEquals(await whileChecked(start("exit 3"), start("sleep 0.1")), [3, 0]);
    assertEquals(await whileChecked(start("exit 3")), [3, 0]);
  },
});

/** Resolves to a file's text once it has one. */
async function written(path: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const text = await Deno.readTextFile(path).catch(() => "");
    if (text !== "") return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nothing in ${path}`);
}

Deno.test({
  name: "a task that is ended ends the programs of its tests, also one in a session of its own",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "micss-suite-" });
    try {
      await Deno.writeTextFile(
        `${directory}/x_test.ts`,
        `Deno.test("a", async () => {
          const start = (detached: boolean) => new Deno.Command("sleep", { args: ["60"], detached }).spawn();
          const programs = [start(false), start(true)];
          await Deno.writeTextFile("pids", programs.map(({ pid }) => pid).join());
          await Promise.all(programs.map(({ status }) => status));
        });`,
      );
      const task = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-lock", SCRIPT, "--no-config", "--no-check", "."],
        cwd: directory,
        env: { MICSS_STD_FLAGS: "", NO_COLOR: "1" },
        stdout: "null",
        stderr: "piped",
      }).spawn();
      const errors = new Response(task.stderr).text();
      const pids = (await written(`${directory}/pids`)).split(",");
      task.kill("SIGTERM");
      assertEquals((await task.status).success, false);
      for (const pid of pids) await assertRejects(() => Deno.stat(`/proc/${pid}/exe`), Deno.errors.NotFound);
      assertMatch(await errors, /^test: killed what tests left running: sleep, sleep$/m);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

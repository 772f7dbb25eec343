/**
 * The task `test`: runs the whole suite, or what its arguments name, with `deno test`, and says at the end what the run's
 * own report counted, alone on the last line: `N passed, N failed`, and `, N skipped` where tests were ignored.
 *
 * @module
 */

import { STD_FLAGS, stdFlags, testFlags } from "./std.ts";

/** What a report says of a run; a test's steps count with their test. */
export interface Counts {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed. */
  failed: number;
  /** The names of the tests that were ignored. */
  ignored: string[];
}

/** Counts the tests in a report that `deno test --junit-path` wrote; tests that a filter left out don't count. */
export function count(report: string): Counts {
  const counts: Counts = { passed: 0, failed: 0, ignored: [] };
  for (const [, suite] of report.matchAll(/<testsuite [^>]*>(.*?)<\/testsuite>/gs)) {
    const names = new Set<string>();
    for (const [, attributes, body] of suite!.matchAll(/<testcase ([^>]*)>(.*?)<\/testcase>/gs)) {
      const name = unescape(/(?:^| )name="([^"]*)"/.exec(attributes!)![1]!);
      if (isStep(name, names)) continue;
      names.add(name);
      if (body!.includes("<failure")) counts.failed++;
      else if (!body!.includes("<skipped")) counts.passed++;
      // a test that a filter left out has no time
      else if (/ time="/.test(attributes!)) counts.ignored.push(name);
    }
  }
  return counts;
}

/** Whether a name is that of a step, `TEST > STEP`, of one of the tests before it. */
function isStep(name: string, tests: Set<string>): boolean {
  for (let at = name.indexOf(" > "); at >= 0; at = name.indexOf(" > ", at + 1)) {
    if (tests.has(name.slice(0, at))) return true;
  }
  return false;
}

function unescape(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => characters[name]!);
}

/** The last lines of a run: the ignored tests, whose names say what the machine lacks, and the counts. */
export function summary({ passed, failed, ignored }: Counts): string {
  const skipped = ignored.length > 0 ? `, ${ignored.length} skipped` : "";
  return `${ignored.map((name) => `${name}\n`).join("")}${passed} passed, ${failed} failed${skipped}`;
}

/** Runs the suite; the exit status. */
async function run(args: string[]): Promise<number> {
  const flags = await stdFlags();
  const directory = await Deno.makeTempDir({ prefix: "micss-test-" });
  const report = `${directory}/report.xml`;
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--parallel", ...testFlags(flags), `--junit-path=${report}`, ...args],
      // the flags, so that tests which start programs of the project need not ask for them again; and a directory for
      // what tests share and nobody else removes
      env: { [STD_FLAGS]: flags.join(" "), MICSS_TEST_DIRECTORY: directory },
    }).spawn();
    // a terminal's ^C reaches the child by itself: stay, to remove the directory when it has ended
    Deno.addSignalListener("SIGINT", () => {});
    Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
    const { code } = await child.status;
    const text = await Deno.readTextFile(report).catch(() => undefined);
    if (text === undefined) {
      console.error(`test: deno test ended with status ${code} and without a report: nothing can be counted`);
      return code || 1;
    }
    const counts = count(text);
    if (code !== 0 && counts.failed === 0) {
      console.error(`test: deno test ended with status ${code}, though no test failed: see its errors above`);
      counts.failed = 1;
    }
    console.log(summary(counts));
    return code || (counts.failed > 0 ? 1 : 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));

/**
 * The task `test`: runs the suite, or the files and flags in its arguments, with `deno test`. The last line of its output
 * has the counts of the run's report: `N passed, N failed`, and `, N skipped` if tests were ignored.
 *
 * The whole suite runs in groups of files, see `scripts/groups.ts`; named files run one by one.
 *
 * @module
 */

import { bundle } from "./bundle.ts";
import { writeGroups } from "./groups.ts";
import { endLeftovers } from "./leftovers.ts";
import { STD_FLAGS, stdFlags, testFlags } from "./std.ts";

/** Counts of a run; a test's steps count as part of their test. */
export interface Counts {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed. */
  failed: number;
  /** The names of the tests that were ignored. */
  ignored: string[];
}

/** Counts the tests in a report of `deno test --junit-path`, except those that a filter excluded. */
export function count(report: string): Counts {
  const counts: Counts = { passed: 0, failed: 0, ignored: [] };
  const cases = [...report.matchAll(/<testcase ([^>]*)>(.*?)<\/testcase>/gs)].map(([, attributes, body]) => ({
    name: unescape(/(?:^| )name="([^"]*)"/.exec(attributes!)![1]!),
    isExcluded: !/ time="/.test(attributes!),
    body: body!,
  }));
  // Of all files: a step is listed under its own, which is not its test's where a function of another file defines that.
  const names = new Set(cases.map(({ name }) => name));
  for (const { name, isExcluded, body } of cases) {
    if (isStep(name, names)) continue;
    if (body.includes("<failure")) counts.failed++;
    else if (!body.includes("<skipped")) counts.passed++;
    // A test that a filter excluded has no time.
    else if (!isExcluded) counts.ignored.push(name);
  }
  return counts;
}

/** Recognizes the name of a step, `TEST > STEP`. */
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

/** The last lines of a run: the ignored tests, whose names tell what the machine lacks, and the counts. */
export function summary({ passed, failed, ignored }: Counts): string {
  const skipped = ignored.length > 0 ? `, ${ignored.length} skipped` : "";
  return `${ignored.map((name) => `${name}\n`).join("")}${passed} passed, ${failed} failed${skipped}`;
}

/** The arguments of `deno test` for the whole suite; `directory` receives the files of its groups. */
async function wholeSuite(directory: string): Promise<string[]> {
  // Types are checked meanwhile: the groups' files, at other paths each time, would have all checked again.
  return ["--no-check", ...await writeGroups(directory)];
}

/**
 * Checks types, as the task `check` does, and from its cache if nothing has changed since. It takes half a minute of a
 * processor, which it leaves to the tests when they need it, since they mostly wait.
 */
function checkTypes(env: Record<string, string>): Deno.ChildProcess {
  const command = [Deno.execPath(), "task", "-q", "types"];
  const [program, ...args] = Deno.build.os === "windows" ? command : ["nice", ...command];
  return new Deno.Command(program!, { args, env }).spawn();
}

/** Waits for tests, which end when types turn out to be wrong. @returns Both exit statuses; 0 for types not checked. */
export async function whileChecked(tests: Deno.ChildProcess, types?: Deno.ChildProcess): Promise<[number, number]> {
  const checked = types?.status.then(({ code }) => {
    if (code !== 0) end(tests, "SIGTERM");
    return code;
  });
  return [(await tests.status).code, await checked ?? 0];
}

/** The environment variable with the command that runs `micss` in end to end tests, as a JSON array. */
const PROGRAM = "MICSS_TEST_PROGRAM";

/** The environment variable with the directory for files that tests share, which identifies a run's processes. */
const DIRECTORY = "MICSS_TEST_DIRECTORY";

/** Passes on a signal. */
function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has exited.
  }
}

/** Bundles the program for the whole suite. @returns The variable {@linkcode PROGRAM}, if that was possible. */
async function bundled(directory: string, flags: readonly string[]): Promise<Record<string, string>> {
  await Deno.mkdir(`${directory}/program`);
  const command = await bundle(`${directory}/program`, flags);
  if (command === undefined) console.error("test: Deno can't bundle, so tests run micss from its source; see above");
  return command === undefined ? {} : { [PROGRAM]: JSON.stringify(command) };
}

/** Runs the suite. @returns The exit status. */
async function run(args: string[]): Promise<number> {
  const flags = await stdFlags();
  const directory = await Deno.makeTempDir({ prefix: "micss-test-" });
  const report = `${directory}/report.xml`;
  // The flags spare tests that start programs of the project from detecting them again; the directory holds files that
  // tests share.
  const env = { [STD_FLAGS]: flags.join(" "), [DIRECTORY]: directory, DENO_JOBS: jobs() };
  try {
    const isWhole = args.length === 0;
    const types = isWhole ? checkTypes(env) : undefined;
    const program = isWhole ? await bundled(directory, flags) : {};
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "-A", "--parallel", ...testFlags(flags), `--junit-path=${report}`],
        ...isWhole ? await wholeSuite(directory) : args,
      ],
      env: { ...env, ...program },
      // A session of its own, by which its programs are found.
      detached: true,
    }).spawn();
    // Outlive it, to end its programs and remove the directory.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => [child, types].forEach((program) => program && end(program, signal)));
    }
    const [code, checked] = await whileChecked(child, types);
    const left = await endLeftovers(child.pid, `${DIRECTORY}=${directory}`);
    if (left.length > 0) console.error(`test: killed what tests left running: ${left.join(", ")}`);
    if (checked !== 0) {
      console.error("test: types are wrong, so the tests were ended; see the errors above");
      return checked;
    }
    const text = await Deno.readTextFile(report).catch(() => undefined);
    if (text === undefined) {
      console.error(`test: deno test exited with status ${code} and left no report, so there are no counts`);
      return code || 1;
    }
    const counts = count(text);
    if (code !== 0 && counts.failed === 0) {
      console.error(`test: deno test exited with status ${code}, though no test failed; see its errors above`);
      counts.failed = 1;
    }
    console.log(summary(counts));
    return code || (counts.failed > 0 ? 1 : 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Number of files that run at the same time: two more than processors, since many tests mostly wait. */
function jobs(): string {
  return Deno.env.get("DENO_JOBS") ?? String(navigator.hardwareConcurrency + 2);
}

if (import.meta.main) Deno.exit(await run(Deno.args));

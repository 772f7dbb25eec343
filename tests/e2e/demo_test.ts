import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { stdFlags } from "../../scripts/std.ts";
import { printedBy } from "../../scripts/task.ts";
import { type Outcome, Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The demo's three loopback addresses, for Deno's permission. */
const LOOPBACK = "127.0.0.1,127.0.0.2,127.0.0.3";

/**
 * Time limit of the demo: in milliseconds on an idle machine, or as a multiple of the time that an empty program takes on
 * a busy one.
 */
const LIMIT = 19_000, BY_NOTHING = 20;

/** The command that runs the demo from source. @param permissions Deno's flags. */
async function demoCommand(permissions: string[], ...args: string[]): Promise<string[]> {
  return [Deno.execPath(), "run", "-q", ...permissions, ...await stdFlags(), "main.ts", "demo", ...args];
}

/** The command that runs the demo with a short transfer. @param permissions Deno's flags. */
async function shortCommand(permissions: string[]): Promise<string[]> {
  const file = "tests/support/programs/short_demo.ts";
  return [Deno.execPath(), "run", "-q", ...permissions, ...await stdFlags(), file];
}

/** The command that `deno task demo` runs. */
async function usualCommand(): Promise<string[]> {
  return await demoCommand(await printedBy("runtime"));
}

/** Number of attempts in case the demo finds the machine too busy. */
const TRIES = 5;

/** Runs the demo to completion, repeatedly if it reports that the machine is too busy. */
async function runDemo(command: readonly string[]): Promise<Outcome & { took: number }> {
  for (let tries = 1;; tries++) {
    const began = performance.now();
    const outcome = await run(command, { cwd: ROOT, mayFail: true });
    const took = performance.now() - began;
    const busy = (outcome.text() + outcome.stderr).includes("this machine is too busy");
    if (!busy || tries === TRIES) return { ...outcome, took };
  }
}

/** Checks that the demo succeeded. */
function assertComplete({ code, text, stderr }: Outcome): void {
  assertEquals(code, 0, stderr);
  const titles = text().split(/\r?\n/).filter((line) => /^(?:\d ·|Next)/.test(line));
  assertEquals(titles.map((title) => title.slice(0, 1)), ["1", "2", "3", "4", "5", "6", "7", "N"]);
}

Deno.test("the demo needs nothing but loopback, and writes plain text to a pipe", async () => {
  // No files, no environment, no native libraries.
  const outcome = await runDemo(await shortCommand(["--no-prompt", `--allow-net=${LOOPBACK}`]));
  assertComplete(outcome);
  assertEquals(outcome.stderr, "");
  // deno-lint-ignore no-control-regex -- the output must contain none
  assertEquals(outcome.text().match(/[\x00-\x09\x0b-\x1f\x7f]/g), null);
  assertEquals(outcome.text().split("\n").filter((line) => line.length >= 80), []);
});

Deno.test("a demo that can't listen fails with one line", async () => {
  const { code, text, stderr } = await run(await demoCommand(["--no-prompt"]), { cwd: ROOT, mayFail: true });
  assertEquals([code, text()], [1, ""]);
  assertMatch(stderr, /^micss demo: can't listen at 127\.0\.0\.1:0: .*\n$/);
});

Deno.test("the demo takes no flags", async () => {
  const { code, text, stderr } = await run(await demoCommand(["--no-prompt"], "--fast"), { cwd: ROOT, mayFail: true });
  assertEquals([code, text()], [2, ""]);
  assertMatch(stderr, /^micss demo: --fast: unknown flag; .*\n$/);
});

/** Moments at which the demo is ended: whatever it does then, each signal is handled by the same code. */
const ENDS = [
  { moment: "1 · A page", signal: "SIGINT", status: 130 },
  { moment: "3 · Is it noise?", signal: "SIGTERM", status: 143 },
  { moment: "5 · How fast", signal: "SIGINT", status: 130 },
] as const;

/** Time limit for the end, in milliseconds: on a busy machine, and less than what is left of the demo. */
const SOON = 12_000;

for (const { moment, signal, status } of ENDS) {
  Deno.test(`${signal} at "${moment}" ends the demo immediately and leaves no listener`, async () => {
    const demo = Program.start(await usualCommand(), { cwd: ROOT });
    await demo.waitForLine((line) => line.startsWith(moment));
    const began = performance.now();
    assertEquals(await demo.stop(signal), status);
    assert(performance.now() - began < SOON);
    assertStringIncludes(demo.lines.at(-1)!, `micss demo: ended by ${signal}; nothing is left running`);
    assert(!demo.lines.includes("Next"));
    const ports = demo.lines.flatMap((line) => [...line.matchAll(/(127\.0\.0\.\d):(\d+)/g)]);
    assert(ports.length >= 3);
    for (const [, hostname, port] of ports) {
      await assertRejects(
        () => Deno.connect({ hostname: hostname!, port: Number(port) }),
        Deno.errors.ConnectionRefused,
      );
    }
  });
}

/** Runs the demo on a terminal. @param env Arguments of `env`. @param demo The demo's command. */
async function onTerminal(
  columns: number,
  env: readonly string[],
  demo: readonly string[],
): Promise<Outcome & { took: number }> {
  const command = ["env", ...env, "TERM=xterm", ...demo].map((part) => `'${part}'`).join(" ");
  return await runDemo(["script", "-qec", `stty cols ${columns} rows 40 && exec ${command}`, "/dev/null"]);
}

/** Lines as a terminal displays them, one for each state of a line. */
function shownLines(text: string): string[] {
  // deno-lint-ignore no-control-regex -- the sequences that colour and clear
  return text.replaceAll(/\x1b\[[\d;]*[mK]/g, "").split(/\r?\n|\r/);
}

/** Checks that the demo succeeded on a terminal, has a progress bar, and fits. */
function assertFits(outcome: Outcome, columns: number): void {
  const lines = shownLines(outcome.text());
  assertComplete({ ...outcome, text: () => lines.join("\n") });
  assertEquals(lines.filter((line) => line.length >= columns), []);
  const bars = lines.filter((line) => /^ +[━─]{40} /.test(line));
  assert(bars.length >= 3);
  const listing = lines.find((line) => line.startsWith("  48 65 6c 6c"))!;
  assert(listing.length > columns - 16, listing);
}

testWith(
  ["script", "stty"],
  "on a terminal, the demo has colours and a progress bar, fits, and exits in time",
  async () => {
    const command = await usualCommand();
    const nothing = [...command.slice(0, -1), "version"];
    const before = await runDemo(nothing);
    const outcome = await onTerminal(80, ["--unset=NO_COLOR"], command);
    const after = await runDemo(nothing);
    const limit = LIMIT + BY_NOTHING * Math.max(before.took, after.took);
    assert(outcome.took < limit, `${outcome.took} ms of ${limit} ms`);
    assertFits(outcome, 80);
    assertStringIncludes(outcome.text(), "\x1b[1m1 · A page");
  },
);

testWith(
  ["script", "stty"],
  "on a wider terminal with NO_COLOR, the demo has no colour, and fills the width",
  async () => {
    const outcome = await onTerminal(120, ["NO_COLOR=1"], await shortCommand(await printedBy("runtime")));
    assertFits(outcome, 120);
    // deno-lint-ignore no-control-regex -- only the sequence that clears a line is allowed
    assertEquals(outcome.text().replaceAll("\x1b[K", "").match(/\x1b/g), null);
    assertStringIncludes(outcome.text(), "\r\x1b[K");
  },
);

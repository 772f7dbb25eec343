import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { EXIT_STATUSES } from "../../src/cli/exit_statuses.ts";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

/** Writes the manual page to a file. */
async function page(): Promise<AsyncDisposable & { path: string }> {
  const directory = await makeTempDir();
  const path = `${directory.path}/micss.1`;
  const { status, out, err } = await runMicss("man");
  assertEquals([status, err], [0, ""]);
  await Deno.writeTextFile(path, out);
  return { path, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

testWith(
  ["groff"],
  "groff formats the manual page without a warning, and it has everything that the help has",
  async () => {
    await using manual = await page();
    const command = ["groff", "-man", "-Tascii", "-P-cbou", "-ww", "-rLL=200n", manual.path];
    const { stderr, text } = await run(command);
    assertEquals(stderr, "");
    const shown = text().replace(/\s+/g, " ");
    for (const { name, summary, load } of COMMANDS) {
      const { usage, options, examples } = await load();
      for (const part of [summary, `micss ${name} ${usage}`.trim(), ...examples]) {
        assertStringIncludes(
          shown,
          flat(part),
        );
      }
      for (const { flag, path, placeholder, doc } of options) {
        const head = flag === undefined ? path! : `--${flag}`;
        assertStringIncludes(shown, flat([head, placeholder ?? [], `${doc}.`].flat().join(" ")));
      }
    }
    for (const [status, meaning] of EXIT_STATUSES) assertStringIncludes(shown, `${status} ${meaning}.`);
  },
);

testWith(["mandoc"], "mandoc reports nothing about the manual page other than the missing date", async () => {
  await using manual = await page();
  const { text } = await run(["mandoc", "-T", "lint", "-W", "warning", manual.path], { mayFail: true });
  const lines = text().trimEnd().split("\n").filter((line) => !line.includes("missing date"));
  assertEquals(lines, []);
});

Deno.test("the manual page is plain ASCII, and no line of text is a request", async () => {
  const { out } = await runMicss("man");
  assert(/^[\n\x20-\x7e]*$/.test(out));
  const requests = new Set([...out.matchAll(/^[.'](\S*)/gm)].map(([, name]) => name!));
  assertEquals([...requests].sort(), [
    "B",
    "BI",
    "BR",
    "I",
    "PP",
    "RE",
    "RI",
    "RS",
    "SH",
    "SS",
    "TH",
    "TP",
    "ad",
    "fi",
    "nf",
    "nh",
  ]);
});

function flat(text: string): string {
  return text.replace(/\s+/g, " ");
}

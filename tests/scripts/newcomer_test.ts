/** A newcomer's first commands: an empty home directory, an empty Deno cache, and no settings. */

import { assertEquals } from "@std/assert";
import { makeTempDir, Program, run } from "../support/programs/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The npm packages of a lock file, as `NAME@VERSION`. */
async function locked(path: string): Promise<string[]> {
  return Object.keys(JSON.parse(await Deno.readTextFile(ROOT + path)).npm);
}

/** The packages in a Deno cache, `REGISTRY/NAME/VERSION/package.json`, as `NAME@VERSION`. */
async function cached(directory: string): Promise<string[]> {
  const { text } = await run(["find", directory, "-name", "package.json", "-printf", "%P\n"]);
  const path = /^[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/]*)\/package\.json$/gm;
  return [...text().matchAll(path)].map(([, name, version]) => `${name}@${version}`).sort();
}

const commands: [task: string[], says: string][] = [
  // By then all is fetched. What the demo goes on to measure keeps the machine busy.
  [["demo"], "1 · A page"],
  [["micss", "version"], "micss "],
];
for (const [task, says] of commands) {
  Deno.test(`the task ${task.join(" ")}, run first, fetches what the program needs and nothing else`, async () => {
    await using home = await makeTempDir();
    await using cache = await makeTempDir();
    const settings = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("MICSS_"));
    await using program = Program.start(
      ["env", ...settings.map((name) => `--unset=${name}`), Deno.execPath(), "task", "-q", ...task],
      { cwd: ROOT, env: { HOME: home.path, DENO_DIR: cache.path } },
    );
    await program.waitForLine((line) => line.includes(says), says, 180_000);
    await program.stop();
    const replaced = program.lines.some((line) => line.includes("using the npm registry for @std"));
    const wanted = [...await locked("deno.lock"), ...replaced ? await locked("scripts/std/deno.lock") : []];
    assertEquals(await cached(`${cache.path}/npm`), [...new Set(wanted)].sort());
    assertEquals((await Array.fromAsync(Deno.readDir(home.path))).map(({ name }) => name), []);
  });
}

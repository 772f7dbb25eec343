/** The permissions that micss runs and is compiled with, deno.json's task `runtime`, against what the code uses. */

import { assert, assertEquals } from "@std/assert";
import { DIRECTORIES, PROGRAMS } from "../../src/rules/tools.ts";

const ROOT = new URL("../../", import.meta.url);

const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

/** Each flag's values; empty for one that has none. */
const flags = new Map<string, string[]>(
  tasks.runtime.command.split(" ").filter((word: string) => word.startsWith("--")).map((word: string) => {
    const [flag, values = ""] = word.split("=");
    return [flag, values.split(",").filter(Boolean)];
  }),
);

async function* sources(directory = new URL("src/", ROOT)): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, directory));
    else if (name.endsWith(".ts")) yield await Deno.readTextFile(new URL(name, directory));
  }
}

const code = (await Array.fromAsync(sources())).join("\n");

/** What the first group of `pattern` matches in the code, sorted, each once. */
function used(pattern: RegExp): string[] {
  return [...new Set([...code.matchAll(pattern)].map(([, name]) => name!))].sort();
}

Deno.test("nobody is ever asked for a permission, and there is none for everything", () => {
  assert(flags.has("--no-prompt"));
  assert(!flags.has("--allow-all"));
});

Deno.test("the variables of the environment that may be read are those that the code reads", () => {
  const read = used(/\b(?:env|environment|variable|Deno\.env\.get)\("([A-Z_]+)"\)/g);
  assertEquals(flags.get("--allow-env")!.toSorted(), read);
});

Deno.test("what may be asked of the system is what the code asks", () => {
  assertEquals(
    flags.get("--allow-sys")!.toSorted(),
    // the last one is in no list that Deno takes: who asks it needs a way around
    used(/\bDeno\.(uid|gid|networkInterfaces|hostname|loadavg|osRelease|osUptime|systemMemoryInfo|umask)\(/g),
  );
});

Deno.test("the programs that may be run are those that make rules, where distributions keep them", () => {
  const paths = PROGRAMS.flatMap((program) => DIRECTORIES.map((directory) => `${directory}/${program}`));
  assertEquals(flags.get("--allow-run")!.toSorted(), paths.toSorted());
});

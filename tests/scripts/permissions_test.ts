/** The permissions that micss runs and is compiled with, deno.json's task `runtime`, against what the code uses. */

import { assert, assertEquals } from "@std/assert";
import { programPaths, ROUTES_PROGRAMS, RULES_PROGRAMS } from "../../src/net/linux/programs.ts";

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

/** Distinct matches of the first group of `pattern` in the code, sorted. */
function used(pattern: RegExp): string[] {
  return [...new Set([...code.matchAll(pattern)].map(([, name]) => name!))].sort();
}

Deno.test("micss runs without prompts for permissions, and without --allow-all", () => {
  assert(flags.has("--no-prompt"));
  assert(!flags.has("--allow-all"));
});

Deno.test("the readable environment variables are those that the code reads", () => {
  const read = used(/\b(?:env|environment|variable|Deno\.env\.get)\("([A-Z_]+)"\)/g);
  assertEquals(flags.get("--allow-env")!.toSorted(), read);
});

Deno.test("the permitted system information is what the code requests", () => {
  assertEquals(
    flags.get("--allow-sys")!.toSorted(),
    // Deno has no permission for the last one, so the code must not use it.
    used(/\bDeno\.(uid|gid|networkInterfaces|hostname|loadavg|osRelease|osUptime|systemMemoryInfo|umask)\(/g),
  );
});

Deno.test("the permitted programs are those that make rules and routes, in distributions' paths", () => {
  const paths = [...new Set([...RULES_PROGRAMS, ...ROUTES_PROGRAMS])].flatMap(programPaths);
  assertEquals(flags.get("--allow-run")!.toSorted(), paths.toSorted());
});

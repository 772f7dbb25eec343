import { assert, assertEquals } from "@std/assert";
import { NOT_AT_RUN_TIME, runTimeLock } from "../../scripts/run_time_lock.ts";

const ROOT = new URL("../../", import.meta.url);

const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

Deno.test("a package that is left out takes along what only it needs", () => {
  const lock = {
    version: "5",
    specifiers: { "jsr:@std/cli@^1": "1.0.0", "npm:ajv@8.0.0": "8.0.0", "npm:@a/b@1.0.0": "1.0.0" },
    jsr: { "@std/cli@1.0.0": { integrity: "x" } },
    npm: {
      "@a/b@1.0.0": { dependencies: ["shared", "two@2.0.0"] },
      "ajv@8.0.0": { dependencies: ["shared", "own"] },
      "own@1.0.0": {},
      "shared@1.0.0": {},
      "two@1.0.0": {},
      "two@2.0.0": {},
    },
    workspace: { dependencies: ["npm:ajv@8.0.0"] },
  };
  const { version, specifiers, jsr, npm, workspace } = JSON.parse(runTimeLock(JSON.stringify(lock)));
  assertEquals([version, jsr, workspace], ["5", lock.jsr, undefined]);
  assertEquals(Object.keys(specifiers), ["jsr:@std/cli@^1", "npm:@a/b@1.0.0"]);
  assertEquals(Object.keys(npm), ["@a/b@1.0.0", "shared@1.0.0", "two@2.0.0"]);
});

for (const path of ["deno.lock", "scripts/std/deno.lock"]) {
  Deno.test(`what is compiled by ${path} has the page's chart, and nothing that is only tested with`, async () => {
    const { npm } = JSON.parse(runTimeLock(await read(path)));
    const names = Object.keys(npm).map((name) => name.replace(/@[^@]+$/, ""));
    assert(names.includes("uplot"), `${names}`);
    assertEquals(names.filter((name) => NOT_AT_RUN_TIME.includes(name)), []);
  });
}

Deno.test("the program imports no package that is left out, and all others", async () => {
  const imported = new Set<string>();
  const look = async (directory: URL) => {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      if (isDirectory) await look(new URL(`${name}/`, directory));
      else if (name.endsWith(".ts")) {
        const text = await Deno.readTextFile(new URL(name, directory));
        for (const [, specifier] of text.matchAll(/(?:from|import\() ?"([^."][^"]*)"/g)) imported.add(specifier!);
      }
    }
  };
  await look(new URL("src/", ROOT));
  const names: string[] = Object.entries(JSON.parse(await read("deno.json")).imports as Record<string, string>)
    .filter(([, specifier]) => specifier.startsWith("npm:")).map(([name]) => name.replace(/\/$/, ""));
  const isImported = (name: string) => [...imported].some((one) => one === name || one.startsWith(`${name}/`));
  assertEquals(names.filter((name) => !isImported(name)), names.filter((name) => NOT_AT_RUN_TIME.includes(name)));
});

/**
 * Consistency of deno.json, scripts/std/npm.json and the lock files. The program's locks have its packages and no others,
 * because tasks fetch, and the compiler embeds, all locked packages; those that only tests import are in tests/deno.lock.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";

interface Lock {
  specifiers: Record<string, string>;
  jsr?: Record<string, { integrity: string; dependencies?: string[] }>;
  npm?: Record<string, { integrity: string; dependencies?: string[] }>;
  workspace: { dependencies: string[] };
}

interface Config {
  imports: Record<string, string>;
  lock?: { frozen: boolean };
  tasks?: Record<string, { command: string }>;
}

async function read<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(`../../${path}`, import.meta.url)));
}

const project = await read<Config>("deno.json");
const npm = await read<Config>("scripts/std/npm.json");
const projectLock = await read<Lock>("deno.lock");
const npmLock = await read<Lock>("scripts/std/deno.lock");
const testsLock = await read<Lock>("tests/deno.lock");

const packagesOf = ({ imports }: Config, registry: "jsr:" | "npm:") =>
  Object.entries(imports).filter(([, specifier]) => specifier.startsWith(registry));
/** The name in a lock file of `npm:/NAME@VERSION/`, a specifier that allows imports of a package's files. */
const packageOf = (specifier: string) => specifier.replace(/^npm:\/(.+)\/$/, "npm:$1");
const specifiersOf = (entries: [string, string][]) => entries.map(([, specifier]) => packageOf(specifier)).sort();

Deno.test("deno.json imports packages by exact version from npm, and @std from jsr", () => {
  for (const [name, specifier] of Object.entries(project.imports)) {
    if (name.startsWith("@std/")) assert(specifier.startsWith(`jsr:${name}@^`), specifier);
    else assertMatch(packageOf(specifier), /^npm:.+@\d+\.\d+\.\d+$/);
  }
});

Deno.test("no command changes a lock file implicitly", async () => {
  for (const config of [project, await read<Config>("bench/charts/deno.json")]) assertEquals(config.lock?.frozen, true);
});

Deno.test("tasks that run the tests' programs have the tests' packages, which other locks lack", () => {
  const commands = Object.values(project.tasks!).map(({ command }) => command)
    .filter((command) => /^deno run .* tests\//.test(command));
  assert(commands.length > 0);
  for (const command of commands) assertMatch(command, / --no-lock |\$\(deno task -q std --tests\)/);
});

Deno.test("all lock files list exactly what deno.json imports", () => {
  const imported = [...specifiersOf(packagesOf(project, "jsr:")), ...specifiersOf(packagesOf(project, "npm:"))];
  assertEquals(projectLock.workspace.dependencies, imported);
  assertEquals(npmLock.workspace.dependencies, imported);
  assertEquals(testsLock.workspace.dependencies, imported);
});

Deno.test("every package that the project or the fallback imports is locked, and no other", () => {
  const locked = (lock: Lock, registry: string) =>
    Object.keys(lock.specifiers).filter((specifier) => specifier.startsWith(registry));
  const imported = specifiersOf(packagesOf(project, "jsr:"));
  const resolvable = locked(projectLock, "jsr:");
  for (const specifier of imported) assert(resolvable.includes(specifier), `deno.lock lacks ${specifier}`);
  assertEquals(locked(projectLock, "npm:"), specifiersOf(packagesOf(project, "npm:")));
  assertEquals(locked(npmLock, "npm:"), specifiersOf(packagesOf(npm, "npm:")));
  assertEquals(locked(npmLock, "jsr:"), []);
});

Deno.test("npm.json has every name of deno.json: @std by a file in its folder, the rest unchanged", async () => {
  for (const [name, specifier] of Object.entries(project.imports)) {
    const stand = npm.imports[name];
    assert(stand, `scripts/std/npm.json lacks ${name}`);
    if (!name.startsWith("@std/")) assertEquals(stand, specifier);
    else await Deno.stat(new URL(`../../scripts/std/${stand}`, import.meta.url));
  }
  for (const [, specifier] of packagesOf(npm, "npm:")) assertMatch(packageOf(specifier), /^npm:.+@\d+\.\d+\.\d+$/);
});

const LOCKS = [["deno.lock", projectLock], ["scripts/std/deno.lock", npmLock], ["tests/deno.lock", testsLock]] as const;

for (const [path, lock] of LOCKS) {
  Deno.test(`${path} is complete: sorted, every package with its hash and its dependencies`, () => {
    for (const part of [lock.specifiers, lock.jsr ?? {}, lock.npm ?? {}]) {
      assertEquals(Object.keys(part), Object.keys(part).sort());
    }
    for (const [specifier, version] of Object.entries(lock.specifiers)) {
      const [, registry, name] = /^(jsr|npm):(.+)@[^@]+$/.exec(specifier) as unknown as [string, "jsr" | "npm", string];
      assert(lock[registry]?.[`${name}@${version}`], `${specifier} is not locked`);
    }
    const packages = Object.entries({ ...lock.jsr, ...lock.npm });
    for (const [name, { integrity, dependencies = [] }] of packages) {
      assertMatch(integrity, /^([0-9a-f]{64}|sha512-.{88})$/);
      for (const dependency of dependencies) {
        const known = [...Object.keys(lock.specifiers), ...Object.keys(lock.npm ?? {})];
        // a dependency is named without a version where there is only one
        const found = known.some((one) => one === dependency || one.startsWith(`${dependency}@`));
        assert(found, `${name} depends on ${dependency}, which is not locked`);
      }
    }
  });
}

for (const [path, lock] of LOCKS) {
  Deno.test(`${path} has only imported npm packages and their dependencies`, () => {
    const specifiers = Object.keys(lock.specifiers).filter((specifier) => specifier.startsWith("npm:"));
    const wanted = specifiers.map((specifier) => specifier.slice("npm:".length));
    const reached = new Set<string>();
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      const found = Object.keys(lock.npm!).find((one) => one === name || one.replace(/@[^@]+$/, "") === name)!;
      reached.add(found);
      wanted.push(...(lock.npm![found]!.dependencies ?? []).filter((one) => !reached.has(one)));
    }
    assertEquals([...reached].sort(), Object.keys(lock.npm!));
  });
}

/** The names that the modules of a directory import, such as `npm:ajv@8.20.0` and `uplot/dist/uPlot.min.css`. */
async function importedBy(directory: string): Promise<string[]> {
  const texts = await Array.fromAsync(sources(new URL(`../../${directory}/`, import.meta.url)));
  const found = texts.flatMap((text) =>
    [...text.matchAll(/(?:from|import\() ?"([^."][^"]*)"/g)].map(([, name]) => name!)
  );
  return [...new Set(found)].sort();
}

async function* sources(directory: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, directory));
    else if (name.endsWith(".ts")) yield await Deno.readTextFile(new URL(name, directory));
  }
}

Deno.test("the program imports every npm package of deno.json", async () => {
  const imported = await importedBy("src");
  const unused = packagesOf(project, "npm:").filter(([name]) => !imported.some((one) => one.startsWith(name)));
  assertEquals(unused, []);
});

Deno.test("tests/deno.lock has what both others have, and what only tests import, by exact version", async () => {
  const own = (await importedBy("tests")).filter((name) => /^npm:.*@\d+\.\d+\.\d+$/.test(name));
  assertEquals((await importedBy("tests")).filter((name) => name.startsWith("npm:")), own);
  const all = [...Object.keys(projectLock.specifiers), ...Object.keys(npmLock.specifiers), ...own];
  assertEquals(Object.keys(testsLock.specifiers), [...new Set(all)].sort());
});

Deno.test("the lock files agree on the hashes of common packages", () => {
  const hashes = (lock: Lock) => Object.entries({ ...lock.npm, ...lock.jsr });
  const all = new Map(hashes(testsLock).map(([name, { integrity }]) => [name, integrity]));
  for (const [name, { integrity }] of [...hashes(projectLock), ...hashes(npmLock)]) {
    assertEquals(all.get(name), integrity, name);
  }
});

/** deno.json, scripts/std/npm.json and their lock files against each other: nothing may be in one and missing in another. */

import { assert, assertEquals, assertMatch } from "@std/assert";

interface Lock {
  specifiers: Record<string, string>;
  jsr?: Record<string, { integrity: string; dependencies?: string[] }>;
  npm?: Record<string, { integrity: string; dependencies?: string[] }>;
  workspace: { dependencies: string[] };
}

interface Config {
  imports: Record<string, string>;
}

async function read<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(`../../${path}`, import.meta.url)));
}

const project = await read<Config>("deno.json");
const npm = await read<Config>("scripts/std/npm.json");
const projectLock = await read<Lock>("deno.lock");
const npmLock = await read<Lock>("scripts/std/deno.lock");

const packagesOf = ({ imports }: Config, registry: "jsr:" | "npm:") =>
  Object.entries(imports).filter(([, specifier]) => specifier.startsWith(registry));
/** What a lock file calls `npm:/NAME@VERSION/`, which lets a package's files be imported. */
const packageOf = (specifier: string) => specifier.replace(/^npm:\/(.+)\/$/, "npm:$1");
const specifiersOf = (entries: [string, string][]) => entries.map(([, specifier]) => packageOf(specifier)).sort();

Deno.test("deno.json imports packages by exact version from npm, and @std from jsr", () => {
  for (const [name, specifier] of Object.entries(project.imports)) {
    if (name.startsWith("@std/")) assert(specifier.startsWith(`jsr:${name}@^`), specifier);
    else assertMatch(packageOf(specifier), /^npm:.+@\d+\.\d+\.\d+$/);
  }
});

Deno.test("both lock files list exactly what deno.json imports", () => {
  const imported = [...specifiersOf(packagesOf(project, "jsr:")), ...specifiersOf(packagesOf(project, "npm:"))];
  assertEquals(projectLock.workspace.dependencies, imported);
  assertEquals(npmLock.workspace.dependencies, imported);
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

Deno.test("npm.json has every name of deno.json: @std over a file beside it, the rest as it is there", async () => {
  for (const [name, specifier] of Object.entries(project.imports)) {
    const stand = npm.imports[name];
    assert(stand, `scripts/std/npm.json lacks ${name}`);
    if (!name.startsWith("@std/")) assertEquals(stand, specifier);
    else await Deno.stat(new URL(`../../scripts/std/${stand}`, import.meta.url));
  }
  for (const [, specifier] of packagesOf(npm, "npm:")) assertMatch(packageOf(specifier), /^npm:.+@\d+\.\d+\.\d+$/);
});

for (const [path, lock] of [["deno.lock", projectLock], ["scripts/std/deno.lock", npmLock]] as const) {
  Deno.test(`${path} is whole: sorted, every package with its hash and its dependencies`, () => {
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

Deno.test("the lock files agree on the hash of what both have", () => {
  for (const [name, { integrity }] of Object.entries(projectLock.npm ?? {})) {
    assertEquals(npmLock.npm?.[name]?.integrity, integrity, name);
  }
});

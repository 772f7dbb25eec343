/** The packages that tests and scripts use, and the program does not. */
export const NOT_AT_RUN_TIME: readonly string[] = ["ajv", "dockerfile-utils", "playwright-core"];

interface Package {
  readonly dependencies?: readonly string[];
}

interface Lock {
  readonly specifiers: Record<string, string>;
  readonly npm?: Record<string, Package>;
  readonly workspace?: unknown;
}

/**
 * A lock file without the packages of {@linkcode NOT_AT_RUN_TIME}, and without those that only they need: `deno compile`
 * embeds whatever is locked.
 *
 * @param text A lock file of Deno's, version 5.
 */
export function runTimeLock(text: string): string {
  const { specifiers, npm = {}, workspace: _, ...rest }: Lock = JSON.parse(text);
  const kept = Object.entries(specifiers).filter(([specifier]) => !isLeftOut(specifier));
  const wanted = kept.flatMap(([specifier, version]) => {
    const name = /^npm:(.+)@[^@]+$/.exec(specifier)?.[1];
    return name === undefined ? [] : [`${name}@${version}`];
  });
  const reached = new Set<string>();
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    // A dependency is named without a version where there is only one.
    const found = Object.keys(npm).find((one) => one === name || one.replace(/@[^@]+$/, "") === name);
    if (found === undefined || reached.has(found)) continue;
    reached.add(found);
    wanted.push(...npm[found]!.dependencies ?? []);
  }
  const packages = Object.entries(npm).filter(([name]) => reached.has(name));
  return JSON.stringify({ ...rest, specifiers: Object.fromEntries(kept), npm: Object.fromEntries(packages) });
}

function isLeftOut(specifier: string): boolean {
  return NOT_AT_RUN_TIME.some((name) => specifier.startsWith(`npm:${name}@`));
}

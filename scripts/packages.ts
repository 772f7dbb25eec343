import { stripVTControlCharacters } from "node:util";

/**
 * The npm packages of a lock file that an executable lacks, as `NAME@VERSION`.
 *
 * @param lock The lock file's text.
 * @param output The output of `deno compile`, which ends in a tree of the embedded files.
 */
export function missingPackages(lock: string, output: string): string[] {
  const { npm = {} }: { npm?: Record<string, unknown> } = JSON.parse(lock);
  const [, tree = ""] = stripVTControlCharacters(output).split("Embedded Files");
  // The tree omits the version of a package that it has once.
  const isEmbedded = (name: string) => new RegExp(`[ /]${RegExp.escape(name.replace(/@[^@]+$/, ""))}/`).test(tree);
  return Object.keys(npm).filter((name) => !isEmbedded(name));
}

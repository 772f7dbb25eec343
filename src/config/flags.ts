import { parseArgs } from "@std/cli";
import { nearest } from "./nearest.ts";
import { flagNode, type Node } from "./node.ts";
import { Problems, quote } from "./problems.ts";
import type { Spec } from "./read.ts";
import type { Option } from "./schema.ts";

/**
 * Reads a command's flags, `--flag=value` or `--flag value`.
 *
 * @param subject Start of messages: "micss server".
 * @param options Known flags; those without a placeholder take no value, and read as "true".
 * @param elsewhere See {@linkcode Spec.elsewhere}.
 * @returns The values of the flags given: a list for a flag that may be repeated, otherwise one string.
 * @throws {UsageError} With a line for each unknown flag, missing value, repeated flag and stray argument.
 */
export function readFlags(
  subject: string,
  options: readonly Option[],
  args: string[],
  elsewhere: Spec<unknown>["elsewhere"] = new Map(),
): Map<string, Node> {
  const problems = new Problems(subject);
  const flags = new Map(options.flatMap((option) => option.flag === undefined ? [] : [[option.flag, option]]));
  const names = [...flags.keys()];
  const valued = names.filter((name) => flags.get(name)?.placeholder !== undefined);
  const explained = new Set<string>();
  const parsed: Readonly<Record<string, unknown>> & { readonly _: readonly unknown[] } = parseArgs(args, {
    string: valued,
    boolean: names.filter((name) => !valued.includes(name)),
    collect: valued,
    unknown: (arg) => {
      explain(arg);
      return false;
    },
  });
  const found = new Map<string, Node>();
  for (const [name, { placeholder, repeats = false }] of flags) {
    const place = `${subject}: --${name}`;
    const given = parsed[name];
    if (given === true) found.set(name, flagNode(place, "true"));
    if (!Array.isArray(given) || given.length === 0) continue;
    if (given.includes("")) problems.add(place, `missing value; write --${name} ${placeholder}`);
    else if (!repeats && given.length > 1) problems.add(place, "given more than once; give it once");
    found.set(name, flagNode(place, repeats ? given.map(String) : String(given.at(-1))));
  }
  // parseArgs does not call `unknown` for arguments after "--".
  for (const argument of parsed._) explain(String(argument));
  problems.throwIfAny();
  return found;

  function explain(arg: string): void {
    // parseArgs reports each letter of `-abc`.
    if (explained.has(arg)) return;
    explained.add(arg);
    const [, dashes = "", name = ""] = /^(--?)([^=]*)/.exec(arg) ?? [];
    if (dashes === "") return problems.add(`${subject}: ${quote(arg)}`, "unexpected argument; only flags are allowed");
    // parseArgs reports `--flag=` with an empty value as unknown.
    const known = dashes === "--" ? flags.get(name) : undefined;
    if (known?.placeholder !== undefined) {
      return problems.add(`${subject}: --${name}`, `missing value; write --${name} ${known.placeholder}`);
    }
    const candidate = nearest(name, [...names, "help"]);
    const hint = candidate === undefined ? `see ${subject} --help` : `did you mean --${candidate}?`;
    const instead = dashes === "--" ? elsewhere.get(name) : undefined;
    problems.add(`${subject}: ${dashes}${name}`, `unknown flag; ${instead ?? hint}`);
  }
}

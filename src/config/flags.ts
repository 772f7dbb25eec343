import { parseArgs } from "@std/cli";
import { nearest } from "./nearest.ts";
import { flagNode, type Node } from "./node.ts";
import { Problems, quote } from "./problems.ts";
import type { Option } from "./schema.ts";

/**
 * Reads a command's flags, `--flag=value` or `--flag value`.
 *
 * @param subject What messages begin with: "micss server".
 * @param options The flags that there are; those without a placeholder take no value and read as "true".
 * @returns What each given flag was given: all its texts where it repeats, else one.
 * @throws {UsageError} With a line for each unknown flag, missing value, flag given twice and stray argument.
 */
export function readFlags(subject: string, options: readonly Option[], args: string[]): Map<string, Node> {
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
    if (given.includes("")) problems.add(place, `no value; write --${name} ${placeholder}`);
    else if (!repeats && given.length > 1) problems.add(place, "given more than once; give it once");
    found.set(name, flagNode(place, repeats ? given.map(String) : String(given.at(-1))));
  }
  // What follows "--" comes without a call of `unknown`.
  for (const argument of parsed._) explain(String(argument));
  problems.throwIfAny();
  return found;

  function explain(arg: string): void {
    // Short flags in one argument, as in `-abc`, arrive one by one.
    if (explained.has(arg)) return;
    explained.add(arg);
    const [, dashes = "", name = ""] = /^(--?)([^=]*)/.exec(arg) ?? [];
    if (dashes === "") return problems.add(`${subject}: ${quote(arg)}`, "no flag; every argument belongs to a flag");
    // `--flag=` with nothing behind it arrives here with @std/cli.
    const known = dashes === "--" ? flags.get(name) : undefined;
    if (known?.placeholder !== undefined) {
      return problems.add(`${subject}: --${name}`, `no value; write --${name} ${known.placeholder}`);
    }
    const meant = nearest(name, [...names, "help"]);
    const hint = meant === undefined ? `see ${subject} --help` : `did you mean --${meant}?`;
    problems.add(`${subject}: ${dashes}${name}`, `unknown flag; ${hint}`);
  }
}

/**
 * The part of `@std/cli` that the project uses: `parseArgs`, without dotted names, for networks that don't reach jsr.io.
 *
 * Follows the behaviour of `@std/cli` 1.0.32. Not built on minimist, which `@std/cli` was ported from: minimist negates
 * any name, has no `collect`, and takes `-` as a value; working around that takes more code than this.
 *
 * @module
 */

/** One or more names. */
type Names<T extends string> = T | readonly T[];

/** Options of {@linkcode parseArgs}. Values of unlisted names become numbers, strings or `true`, as they look. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  N extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
> {
  /** Names without a value; `false` if absent. */
  boolean?: Names<B>;
  /** Names whose value stays a string, empty if missing; `_` for positional arguments. */
  string?: Names<S>;
  /** Names that may be given more than once, their values in an array; of others the last value wins. */
  collect?: Names<C>;
  /** Names that `--no-NAME` sets to `false`. */
  negatable?: Names<N>;
  /** Values for names that are absent. */
  default?: D;
  /** Other names of a name. */
  alias?: Record<string, string | readonly string[]>;
  /** Stops at the first positional argument, and leaves the rest as it is. */
  stopEarly?: boolean;
  /** Puts the arguments after `--` in a field of their own instead of `_`. */
  "--"?: boolean;
  /** Called for each option or positional argument that is not listed above; `false` omits it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Value<K, T, D> = K extends keyof D ? T | D[K] : T | undefined;

/** Result of {@linkcode parseArgs}. */
export type Args<B extends string, S extends string, C extends string, N extends string, D> =
  & Record<string, unknown>
  & { [K in B]: boolean }
  & { [K in Exclude<S, C>]: Value<K, K extends N ? string | false : string, D> }
  & { [K in Extract<C, S>]: string[] }
  & { [K in Exclude<C, S | B>]: unknown[] }
  & { _: (string | number)[]; "--"?: string[] };

/** The options and arguments of a command line. */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  const N extends string = never,
  const D extends Record<string, unknown> = Record<never, never>,
>(args: readonly string[], options: ParseOptions<B, S, C, N, D> = {}): Args<B, S, C, N, D> {
  const sameAs = aliases(options.alias ?? {});
  const named = (names: Names<string> = []) => new Set([names].flat().flatMap((name) => [name, ...sameAs(name)]));
  const booleans = named(options.boolean);
  const strings = named(options.string);
  const collected = named(options.collect);
  const negatable = named(options.negatable);
  const found: Record<string, unknown> & { _: (string | number)[] } = { _: [] };

  const end = args.indexOf("--");
  const after = end < 0 ? [] : args.slice(end + 1);
  const before = end < 0 ? [...args] : args.slice(0, end);

  function known(key: string): boolean {
    return booleans.has(key) || strings.has(key) || collected.has(key) || sameAs(key).length > 0;
  }

  function set(key: string, value: unknown, arg: string): void {
    if (!known(key) && options.unknown?.(arg, key, value) === false) return;
    if (typeof value === "string" && !strings.has(key)) value = numberIfItLooksSo(value);
    for (const name of [key, ...sameAs(key)]) {
      if (name === "__proto__") continue;
      // A negated option's `false` is not a list element.
      const list = collected.has(name) && value !== false;
      found[name] = !list ? value : Array.isArray(found[name]) ? [...found[name], value] : [value];
    }
  }

  /** Sets an option that has no `=`: its value is the next argument, if that looks like one. */
  function setWithNext(key: string, arg: string, next: string | undefined): boolean {
    // The two notations differ for a lone dash, which -o takes and --option does not.
    const looksLikeOption = arg.startsWith("--") ? /^-/ : /^--?[^-]/;
    const isValue = next && (booleans.has(key) ? /^(true|false)$/.test(next) : !looksLikeOption.test(next));
    if (isValue) set(key, booleans.has(key) ? next === "true" : next, arg);
    else set(key, strings.has(key) ? "" : true, arg);
    return Boolean(isValue);
  }

  for (let at = 0; at < before.length; at++) {
    const arg = before[at]!;
    const long = /^--(.+?)(?:=(.*))?$/s.exec(arg);
    const short = /^-([^-=]*)([^-])(?:=(.*))?$/s.exec(arg);
    // -abc is -a -b -c, so -abc=value is -a -b -c=value.
    for (const letter of short?.[1] ?? "") set(letter, strings.has(letter) ? "" : true, arg);
    const option = long?.slice(1) ?? short?.slice(2);
    if (option) {
      const [key, value] = option as [string, string?];
      const negated = long && /^no-(.+)$/.exec(key)?.[1];
      if (value !== undefined) set(key, booleans.has(key) ? value !== "false" : value, arg);
      else if (negated && negatable.has(negated)) set(negated, false, arg);
      else if (setWithNext(key, arg, before[at + 1])) at++;
    } else {
      if (options.unknown?.(arg) !== false) found._.push(strings.has("_") ? arg : numberIfItLooksSo(arg));
      if (options.stopEarly) {
        found._.push(...before.slice(at + 1));
        break;
      }
    }
  }

  for (const [key, value] of Object.entries(options.default ?? {})) {
    for (const name of [key, ...sameAs(key)]) if (!Object.hasOwn(found, name)) found[name] = value;
  }
  for (const key of booleans) if (!Object.hasOwn(found, key)) found[key] = collected.has(key) ? [] : false;
  for (const key of strings) if (!Object.hasOwn(found, key) && collected.has(key)) found[key] = [];
  if (options["--"]) found["--"] = after;
  else found._.push(...after);
  return found as Args<B, S, C, N, D>;
}

/** Maps each name to its aliases, in both directions. */
function aliases(alias: Record<string, string | readonly string[]>): (key: string) => string[] {
  const groups = Object.entries(alias).map(([name, others]) => [name, others].flat());
  return (key) => groups.filter((group) => group.includes(key)).flat().filter((name) => name !== key);
}

function numberIfItLooksSo(text: string): string | number {
  return /\S/.test(text) && Number.isFinite(Number(text)) ? Number(text) : text;
}

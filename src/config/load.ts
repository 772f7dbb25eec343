import { loadFile, type ReadFile } from "./file.ts";
import { Problems } from "./problems.ts";
import { readConfig, type Spec } from "./read.ts";
import { loadFileOf } from "./side.ts";
import { type Option, optionsOf } from "./schema.ts";
import { readFlags } from "./flags.ts";

/** `--config`. */
const CONFIG_FLAG: Option = {
  flag: "config",
  placeholder: "FILE",
  doc: "YAML file with these settings and more; flags override it",
};

/** Lists the options of a command configured by `spec`. */
export function configOptions<T>(spec: Spec<T>): Option[] {
  return [CONFIG_FLAG, ...optionsOf(spec.schema)];
}

/** A command's configuration. */
export interface LoadedConfig<T> {
  /** The settings. */
  readonly config: T;
  /** Returns the place of a value of the configuration; see {@linkcode Problems.placeOf}. */
  placeOf(value: object): string;
  /** Tells whether a flag was given, for those that are not settings. */
  has(flag: string): boolean;
}

/** Options of {@linkcode loadConfig}. */
export interface LoadOptions {
  /** Reads the file that `--config` names. */
  readonly readFile: ReadFile;
  /** Flags that are not settings. */
  readonly extraFlags?: readonly Option[];
}

/**
 * Reads a command's configuration from its flags and the file that `--config` names.
 *
 * @param subject Start of messages: "micss server".
 * @throws {UsageError} With a line for each mistake.
 */
export function loadConfig<T>(
  subject: string,
  spec: Spec<T>,
  args: string[],
  { readFile, extraFlags = [] }: LoadOptions,
): LoadedConfig<T> {
  const flags = readFlags(subject, [...configOptions(spec), ...extraFlags], args, spec.elsewhere);
  const path = flags.get("config")?.value;
  const place = `${subject}: --config`, { side } = spec;
  const load = (path: string) => {
    return side === undefined ? loadFile(path, place, readFile) : loadFileOf(side, path, place, readFile);
  };
  const file = typeof path === "string" ? load(path) : undefined;
  const problems = new Problems(subject);
  const config = readConfig(spec, { subject, flags, ...file !== undefined && { file } }, problems);
  return { config, placeOf: (value) => problems.placeOf(value), has: (flag) => flags.has(flag) };
}

/** Same as {@linkcode loadConfig}, but returns the settings only. */
export function parseConfig<T>(subject: string, spec: Spec<T>, args: string[], readFile: ReadFile): T {
  return loadConfig(subject, spec, args, { readFile }).config;
}

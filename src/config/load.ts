import { loadFile, type ReadFile } from "./file.ts";
import { Problems } from "./problems.ts";
import { readConfig, type Spec } from "./read.ts";
import { type Option, optionsOf } from "./schema.ts";
import { readFlags } from "./flags.ts";

/** The flag that names the file. */
const CONFIG_FLAG: Option = {
  flag: "config",
  placeholder: "FILE",
  doc: "A YAML file with the same settings and more; flags win over it",
};

/** The options of a command that `spec` configures. */
export function configOptions<T>(spec: Spec<T>): Option[] {
  return [CONFIG_FLAG, ...optionsOf(spec.schema)];
}

/** What a command was told. */
export interface LoadedConfig<T> {
  /** Its settings. */
  readonly config: T;
  /** Tells where a value of the configuration was written; see {@linkcode Problems.placeOf}. */
  placeOf(value: object): string;
  /** Whether a flag was given that is no setting. */
  has(flag: string): boolean;
}

/**
 * Reads a command's configuration from its flags and the file that `--config` names.
 *
 * @param subject What messages begin with: "micss server".
 * @param others Flags beside the settings.
 * @throws {UsageError} With a line for each mistake.
 */
export function loadConfig<T>(
  subject: string,
  spec: Spec<T>,
  args: string[],
  readFile: ReadFile,
  others: readonly Option[] = [],
): LoadedConfig<T> {
  const flags = readFlags(subject, [...configOptions(spec), ...others], args);
  const path = flags.get("config")?.value;
  const file = typeof path === "string" ? loadFile(path, `${subject}: --config`, readFile) : undefined;
  const problems = new Problems(subject);
  const config = readConfig(spec, { subject, flags, ...file !== undefined && { file } }, problems);
  return { config, placeOf: (value) => problems.placeOf(value), has: (flag) => flags.has(flag) };
}

/** The configuration alone; as {@linkcode loadConfig}. */
export function parseConfig<T>(subject: string, spec: Spec<T>, args: string[], readFile: ReadFile): T {
  return loadConfig(subject, spec, args, readFile).config;
}

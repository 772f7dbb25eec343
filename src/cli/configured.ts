import { loadFile, type ReadFile } from "../config/file.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { type Option, optionsOf } from "../config/schema.ts";
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

/**
 * Reads a command's configuration from its flags and the file that `--config` names.
 *
 * @param subject What messages begin with: "micss server".
 * @throws {UsageError} With a line for each mistake.
 */
export function parseConfig<T>(subject: string, spec: Spec<T>, args: string[], readFile: ReadFile): T {
  const flags = readFlags(subject, configOptions(spec), args);
  const path = flags.get("config")?.value;
  const file = typeof path === "string" ? loadFile(path, `${subject}: --config`, readFile) : undefined;
  return readConfig(spec, { subject, flags, ...file !== undefined && { file } });
}

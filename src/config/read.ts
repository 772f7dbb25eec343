import { suggestion } from "./nearest.ts";
import type { Node } from "./node.ts";
import { Problems } from "./problems.ts";
import { entriesOf, type Field, type Group, type Schema } from "./schema.ts";
import { isMap } from "./shape.ts";

/** A kind of handler. */
export type Side = "server" | "client";

/** A kind of configuration: its settings, and the rules between them. */
export interface Spec<T> {
  /** The settings. */
  readonly schema: Schema<T>;
  /** Handler whose files are accepted, if only one's are. */
  readonly side?: Side;
  /** Hints for settings of the other handler that users may look for here, by key. Default: none. */
  readonly elsewhere?: ReadonlyMap<string, string>;
  /** Adds settings from elsewhere than flags and file, before the check. Default: none. */
  complete?(config: T): T;
  /** Reports mistakes that involve several values: too few, duplicates, unknown names. */
  check(config: T, problems: Problems): void;
}

/** Sources of a configuration. */
export interface Sources {
  /** Start of messages: "micss server". */
  readonly subject: string;
  /** Values of the flags given, by name without dashes. A flag overrides the file. */
  readonly flags: ReadonlyMap<string, Node>;
  /** Content of the file. */
  readonly file?: Node;
}

/**
 * Reads a whole configuration.
 *
 * @param problems Receives the mistakes, and the place of each value.
 * @throws {UsageError} With a line for each mistake. Rules between settings are checked only if every setting is valid.
 */
export function readConfig<T>(
  spec: Spec<T>,
  { subject, flags, file }: Sources,
  problems: Problems = new Problems(subject),
): T {
  const given = readSettings(spec.schema, file, problems, flags, spec.elsewhere);
  problems.throwIfAny();
  const config = spec.complete?.(given) ?? given;
  problems.rememberCopy(config as object, given as object);
  spec.check(config, problems);
  problems.throwIfAny();
  return config;
}

/**
 * Reads the settings of one map.
 *
 * @param node The map; undefined or null if empty.
 * @returns The settings; incomplete if mistakes were added to `problems`.
 */
export function readSettings<T>(
  schema: Schema<T>,
  node: Node | undefined,
  problems: Problems,
  flags: ReadonlyMap<string, Node> = new Map(),
  elsewhere: ReadonlyMap<string, string> = new Map(),
): T {
  const entries = entriesOf(schema);
  const written = mapOf(node, { known: entries.map(([, { key }]) => key), elsewhere }, problems);
  const places = new Map<string, string>();
  const settings = entries.map(([name, entry]) => {
    const child = written !== undefined && (written.value as Record<string, unknown>)[entry.key] !== null &&
        Object.hasOwn(written.value as object, entry.key)
      ? written.child(entry.key)
      : undefined;
    return [name, "fields" in entry ? readGroup(entry, child) : readField(entry, child, name)];
  });
  const read = Object.fromEntries(settings.filter(([, value]) => value !== undefined));
  problems.rememberSettings(read, places);
  return read as T;

  function readGroup(group: Group<unknown>, child: Node | undefined): unknown {
    const settings = readSettings(group.fields, child, problems, flags);
    if (child !== undefined) problems.remember(settings, child.place);
    return settings;
  }

  /** Reads the file's value even if a flag overrides it, to report its mistakes. */
  function readField(field: Field<unknown>, child: Node | undefined, name: string): unknown {
    const { flag, shape, default: defaultValue } = field;
    const given = flag === undefined ? undefined : flags.get(flag), place = (given ?? child)?.place;
    if (place !== undefined) places.set(name, place);
    const fromFile = child && shape.read(child, problems);
    return (given && shape.read(given, problems)) ?? fromFile ?? defaultValue;
  }
}

/** Returns the node if it is a map, and reports unknown keys. */
function mapOf(
  node: Node | undefined,
  { known, elsewhere }: { known: readonly string[]; elsewhere: ReadonlyMap<string, string> },
  problems: Problems,
): Node | undefined {
  if (node === undefined || node.value === null) return undefined;
  if (!isMap(node.value)) {
    problems.add(node.place, `not a map; write {${known[0]}: ...}`);
    return undefined;
  }
  for (const key of Object.keys(node.value)) {
    if (known.includes(key)) continue;
    problems.add(node.child(key).place, `unknown key; ${elsewhere.get(key) ?? suggestion(key, known)}`);
  }
  return node;
}

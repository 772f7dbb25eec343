import { suggestion } from "./nearest.ts";
import type { Node } from "./node.ts";
import { Problems } from "./problems.ts";
import { entriesOf, type Field, type Group, type Schema } from "./schema.ts";
import { isMap } from "./shape.ts";

/** A configuration: its settings, and the rules between them. */
export interface Spec<T> {
  /** Its settings. */
  readonly schema: Schema<T>;
  /** Adds what single values can't show: too few, twice the same, a name that nothing has. */
  check(config: T, problems: Problems): void;
}

/** Where a configuration is written. */
export interface Sources {
  /** What is being configured, for messages: "micss server". */
  readonly subject: string;
  /** What each flag was given, by its name without dashes. A flag wins over the file. */
  readonly flags: ReadonlyMap<string, Node>;
  /** The file. */
  readonly file?: Node;
}

/**
 * Reads a whole configuration.
 *
 * @param problems Takes the mistakes, and afterwards knows where each value was written.
 * @throws {UsageError} With a line for each mistake. Rules between settings are looked at only when each is right.
 */
export function readConfig<T>(
  spec: Spec<T>,
  { subject, flags, file }: Sources,
  problems: Problems = new Problems(subject),
): T {
  const config = readSettings(spec.schema, file, problems, flags);
  problems.throwIfAny();
  spec.check(config, problems);
  problems.throwIfAny();
  return config;
}

/**
 * Reads settings that stand together in a map.
 *
 * @param node The map; undefined or null where nothing was written.
 * @returns The settings, whole if `problems` got nothing new.
 */
export function readSettings<T>(
  schema: Schema<T>,
  node: Node | undefined,
  problems: Problems,
  flags: ReadonlyMap<string, Node> = new Map(),
): T {
  const entries = entriesOf(schema);
  const written = mapOf(node, entries.map(([, { key }]) => key), problems);
  const settings = entries.map(([name, entry]) => {
    const child = written !== undefined && (written.value as Record<string, unknown>)[entry.key] !== null &&
        Object.hasOwn(written.value as object, entry.key)
      ? written.child(entry.key)
      : undefined;
    return [name, "fields" in entry ? readGroup(entry, child) : readField(entry, child)];
  });
  return Object.fromEntries(settings.filter(([, value]) => value !== undefined)) as T;

  function readGroup(group: Group<unknown>, child: Node | undefined): unknown {
    const settings = readSettings(group.fields, child, problems, flags);
    if (child !== undefined) problems.remember(settings, child.place);
    return settings;
  }

  /** Reads the file's value also where a flag wins, so that its mistakes show. */
  function readField({ flag, shape, default: otherwise }: Field<unknown>, child: Node | undefined): unknown {
    const given = flag === undefined ? undefined : flags.get(flag);
    const fromFile = child && shape.read(child, problems);
    return (given && shape.read(given, problems)) ?? fromFile ?? otherwise;
  }
}

/** The node if it is a map, after a look at its keys. */
function mapOf(node: Node | undefined, known: readonly string[], problems: Problems): Node | undefined {
  if (node === undefined || node.value === null) return undefined;
  if (!isMap(node.value)) {
    problems.add(node.place, `no map; write {${known[0]}: ...}`);
    return undefined;
  }
  for (const key of Object.keys(node.value)) {
    if (!known.includes(key)) problems.add(node.child(key).place, `unknown key; ${suggestion(key, known)}`);
  }
  return node;
}

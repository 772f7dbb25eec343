import { textSchema } from "./json_schema.ts";
import type { Node } from "./node.ts";
import { type Problems, quote } from "./problems.ts";
import { readSettings } from "./read.ts";
import type { Field, Schema, Shape } from "./schema.ts";
import { isMap, list, map, scalar } from "./shape.ts";
import { countSyntax, type PairSyntax, pathSyntax, portSyntax } from "./syntax.ts";

/** A client that a server knows. */
export interface ConfiguredClient {
  /** Name in log, status and metrics: letters, digits, dots and dashes, as of a server. */
  readonly name: string;
  /** Files of its keys, at least one: public halves, or HMAC keys that no other client has. */
  readonly keys: readonly string[];
  /** Ports that it may request. Default: all. */
  readonly ports?: readonly number[];
  /** Maximum number of its concurrent sessions. Default: `limits.sessions-per-client`. */
  readonly sessions?: number;
}

/** The clients of a server, or `anyone` if it means to admit all without authentication. */
export type ClientsChoice = readonly ConfiguredClient[] | "anyone";

/** The word that admits all. */
const ANYONE = "anyone";

/** Maximum length of a name. */
const MAX_NAME = 63;

const NAME = /^[a-z0-9][a-z0-9.-]*$/i;

/** A client that may reach all targets: `alice=/etc/micss/alice.key.pub`. */
export const clientSyntax: PairSyntax<ConfiguredClient> = {
  placeholder: "NAME=FILE",
  means: "a name of your choice, and the file of the client's key, its public half: alice=alice.key.pub",
  schema: textSchema(String.raw`[a-zA-Z0-9][a-zA-Z0-9.\-]*=.+`),
  keySchema: textSchema(String.raw`[a-zA-Z0-9][a-zA-Z0-9.\-]*`),
  valueSchema: pathSyntax.schema,
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) throw new SyntaxError(`not a client: ${quote(text)}; write NAME=FILE`);
    const [, name = "", file = ""] = match;
    if (!isClientName(name)) throw new SyntaxError(nameMessage(name));
    return { name, keys: [file] };
  },
  format: ({ name, keys }) => `${name}=${keys[0]}`,
};

const entrySchema: Schema<Omit<ConfiguredClient, "name">> = {
  keys: {
    key: "keys",
    shape: list(pathSyntax),
    default: [],
    example: "[alice.key.pub]",
    doc: "Files of the client's keys: public halves, or HMAC keys of this client alone; several while keys change",
  },
  ports: {
    key: "ports",
    shape: list(portSyntax),
    example: "[22, 80]",
    doc: "Ports that the client may request; default: all that have a target",
  },
  sessions: {
    key: "sessions",
    shape: scalar(countSyntax()),
    example: "100",
    doc: "Maximum number of the client's concurrent sessions; default: limits.sessions-per-client",
  },
};

const clients = map(clientSyntax, { key: "NAME", schema: entrySchema, read: readClient });

const shape: Shape<ClientsChoice> = {
  ...clients,
  written: `${clients.written}, or ${ANYONE}`,
  schema: () => ({ anyOf: [...clients.schema().anyOf as [], { const: ANYONE }] }),
  read(node, problems) {
    // Flags form a list.
    const { value } = node;
    if (value === ANYONE || Array.isArray(value) && value.length === 1 && value[0] === ANYONE) return ANYONE;
    return clients.read(node, problems);
  },
  format: (value) => value === ANYONE ? ANYONE : clients.format(value),
};

/** `clients` of a server. */
export const clientsField: Field<ClientsChoice> = {
  key: "clients",
  flag: "client",
  shape,
  example: "{ alice: alice.key.pub, bob: { keys: [bob.key.pub], ports: [80] } }",
  doc: "A client that may connect, and its key; anyone: admit all who reach the channels, without authentication",
};

/** True if `name` can name a client. */
function isClientName(name: string): boolean {
  return NAME.test(name) && name.length <= MAX_NAME;
}

function nameMessage(name: string): string {
  return `not a client name: ${quote(name)}; use up to ${MAX_NAME} letters, digits, dots and dashes`;
}

function readClient(name: string, node: Node, problems: Problems): ConfiguredClient | undefined {
  if (!isClientName(name)) problems.add(node.place, nameMessage(name));
  if (!isMap(node.value)) {
    problems.add(node.place, "not a client; write the file of its key, or {keys: [FILE, ...]}");
    return undefined;
  }
  return { name, ...readSettings(entrySchema, node, problems) };
}

/** Reports names given twice, and clients without a key. */
export function checkClients(choice: ClientsChoice | undefined, problems: Problems): void {
  if (choice === undefined || choice === ANYONE) return;
  const seen = new Set<string>();
  for (const client of choice) {
    const name = client.name.toLowerCase();
    if (seen.has(name)) problems.at(client, `two clients are named ${client.name}; give each its own name`);
    seen.add(name);
    if (client.keys.length === 0) problems.at(client, `${client.name} has no key; give keys: [FILE]`);
  }
}

/**
 * Writes docs/CONFIGURATION.md and the JSON Schemas for editors, docs/schema/server.json and docs/schema/client.json, from
 * the tables of settings: `deno run --allow-write=docs scripts/configuration.ts`, with the flags of the task `std`.
 *
 * @module
 */

import { clientRulesSpec, clientSpec } from "../src/config/client.ts";
import { type JsonSchema } from "../src/config/json_schema.ts";
import { objectSchema } from "../src/config/object_schema.ts";
import { type Option, optionsOf, type Schema } from "../src/config/schema.ts";
import { serverRulesSpec, serverSpec } from "../src/config/server.ts";
import { code, wrap } from "./markdown.ts";

const INTRODUCTION = `\
# Configuration

All that \`micss server\` and \`micss client\` can be told, by flag or in a YAML file that \`--config FILE\` names; flags win
over the file. \`micss check FILE\` says whether a file is right, with the line and the field of each mistake. A running
handler reads its file again at SIGHUP; what takes another start it says. [OPERATIONS.md](OPERATIONS.md) shows what the
settings are good for.

This page is made by \`scripts/configuration.ts\` from the tables in \`src/config\`, and so are the JSON Schemas
[schema/server.json](schema/server.json) and [schema/client.json](schema/client.json), by which editors complete and
check such files. For editors with yaml-language-server the file's first line names its schema, by path or URL:

\`\`\`yaml
# yaml-language-server: $schema=schema/client.json
servers: { web: [192.0.2.10, 198.51.100.10] }
redirect: [127.0.0.1:6522]
\`\`\`

A value has the same syntax in a flag and in the file. In YAML, quotes are needed where it would read something else:
around what begins with \`*\` or \`[\`.
`;

/** The text of docs/CONFIGURATION.md. */
export function configuration(): string {
  const server = optionsOf(serverSpec.schema), client = optionsOf(clientSpec.schema);
  const inBoth = (option: Option) => [server, client].every((options) => options.some((one) => isSame(one, option)));
  const handlers = [server, client].map((options) => options.filter((one) => one.path !== "rules" && !inBoth(one)));
  const [serverRules, clientRules] = [rulesOf(serverRulesSpec.schema), rulesOf(clientRulesSpec.schema)];
  return [
    INTRODUCTION,
    chapter("Both handlers", client.filter((one) => one.path !== "rules" && inBoth(one))),
    chapter("micss server", handlers[0]!),
    chapter("micss client", handlers[1]!),
    chapter("micss rules, for a client", clientRules, " of `micss rules`"),
    chapter("micss rules, for a server", serverRules, " of `micss rules`"),
  ].join("\n");
}

/** The text of docs/schema/server.json or docs/schema/client.json. */
export function schemaText(side: "server" | "client"): string {
  const schema: JsonSchema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: `A file for micss ${side} --config`,
    description: "Made by scripts/configuration.ts",
    ...objectSchema<unknown>(side === "server" ? serverSpec.schema : clientSpec.schema),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** An option's example as it stands in a file, in one line of YAML. */
export function exampleOf({ path = "", example = "" }: Option): string {
  const [first, ...inner] = path.split(".").map((key) => key === "NAME" ? "web" : key);
  const value = inner.reduceRight((value, key) => `{ ${key}: ${value} }`, example);
  return `${first}: ${value}`;
}

function rulesOf<T>(schema: Schema<T>): Option[] {
  return optionsOf(schema).filter(({ path }) => path!.startsWith("rules."));
}

function isSame(one: Option, other: Option): boolean {
  return one.path === other.path && one.doc === other.doc && one.written === other.written;
}

function chapter(title: string, options: readonly Option[], flagsOf = ""): string {
  return [`## ${title}\n`, ...options.map((option) => setting(option, flagsOf))].join("\n");
}

function setting(option: Option, flagsOf: string): string {
  const { path, doc, flag, placeholder, repeats, written, means, default: otherwise } = option;
  const value = placeholder === undefined ? "" : ` ${placeholder}`;
  const facts = [
    `In the file: ${code(exampleOf(option))}`,
    ...flag === undefined ? [] : [`Flag${flagsOf}: ${code(`--${flag}${value}`)}${repeats ? ", which repeats" : ""}`],
    `Value: ${withExamples(means!)}${repeats ? `; in the file ${written!.split(" or ").map(code).join(" or ")}` : ""}`,
    ...otherwise === undefined ? [] : [`Default: ${code(otherwise)}`],
  ];
  return [`### ${path}\n`, `${wrap(`${doc}.`)}\n`, ...facts.map((fact) => wrap(fact, "- ")), ""].join("\n");
}

/** What a value is, its examples, which follow a colon, as code. */
function withExamples(means: string): string {
  const [what, examples] = means.split(": ");
  return examples === undefined ? means : `${what}: ${examples.split(", ").map(code).join(", ")}`;
}

if (import.meta.main) {
  const docs = new URL("../docs/", import.meta.url);
  await Deno.mkdir(new URL("schema", docs), { recursive: true });
  await Deno.writeTextFile(new URL("CONFIGURATION.md", docs), configuration());
  for (const side of ["server", "client"] as const) {
    await Deno.writeTextFile(new URL(`schema/${side}.json`, docs), schemaText(side));
  }
}

/** Checks docs/CONFIGURATION.md and the JSON Schemas against the tables of settings, and the examples in them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configuration, exampleOf, schemaText } from "../../scripts/configuration.ts";
import { EXIT_STATUSES } from "../../src/cli/exit_statuses.ts";
import { clientRulesSpec } from "../../src/config/client.ts";
import { loadFile } from "../../src/config/file.ts";
import { readConfig, type Spec } from "../../src/config/read.ts";
import { type Option, optionsOf } from "../../src/config/schema.ts";
import { serverRulesSpec } from "../../src/config/server.ts";
import { editorSays } from "../support/schema.ts";
import { fenced, read, tablesWith } from "./markdown.ts";
import { PAGES } from "./pages.ts";

/** Settings of both handlers, including those of `micss rules`. */
const settings: ["server" | "client", Spec<unknown>, Option][] = [
  ...optionsOf(serverRulesSpec.schema).map((one) =>
    ["server", serverRulesSpec, one] as ["server", Spec<unknown>, Option]
  ),
  ...optionsOf(clientRulesSpec.schema).map((one) =>
    ["client", clientRulesSpec, one] as ["client", Spec<unknown>, Option]
  ),
];

const REMEDY = "run scripts/configuration.ts";

Deno.test("docs/CONFIGURATION.md is up to date with scripts/configuration.ts", () => {
  assertEquals(read("docs/CONFIGURATION.md"), configuration(), REMEDY);
});

for (const side of ["server", "client"] as const) {
  Deno.test(`docs/schema/${side}.json is up to date with scripts/configuration.ts`, () => {
    assertEquals(read(`docs/schema/${side}.json`), schemaText(side), REMEDY);
  });
}

Deno.test("every setting has an example that the program and the schema accept", () => {
  const page = read("docs/CONFIGURATION.md");
  for (const [side, spec, option] of settings) {
    assert(option.example !== undefined, `${side}: ${option.path} has neither a default nor an example`);
    const yaml = exampleOf(option);
    assertStringIncludes(page, `\n### ${option.path}\n`);
    assertStringIncludes(page, `\`${yaml}\``);
    readConfig({ ...spec, check() {} }, { subject: side, flags: new Map(), file: loadFile("f", "", () => yaml) });
    assertEquals(editorSays(side, yaml), [], yaml);
  }
});

/** YAML in the documentation, with its page. */
const shown = [...PAGES, "docs/CONFIGURATION.md"].flatMap((path) =>
  fenced(read(path)).filter(({ kind }) => kind === "yaml").map(({ content }) => [path, content] as const)
);

/** Returns the handler that a file configures; undefined for files of other programs, such as Kubernetes. */
function sideOf(yaml: string): "server" | "client" | undefined {
  if (/^(?:channels|targets):/m.test(yaml)) return "server";
  return /^(?:servers|forward|redirect):/m.test(yaml) ? "client" : undefined;
}

Deno.test("the schemas accept the files shown in the documentation", () => {
  const ours = shown.flatMap(([path, yaml]) => {
    const side = sideOf(yaml);
    return side === undefined ? [] : [{ path, yaml, side }];
  });
  assert(ours.length > 5);
  for (const { path, yaml, side } of ours) assertEquals(editorSays(side, yaml), [], `${path}\n${yaml}`);
});

Deno.test("the exit statuses in docs/guide/command-line.md are those of the help", () => {
  const rows = tablesWith(read("docs/guide/command-line.md"), "", "")[0]!.rows;
  const expected = EXIT_STATUSES.map(([status, meaning]) => [status, meaning.toLowerCase()]);
  assertEquals(rows.map(([status, meaning]) => [status, meaning!.toLowerCase()]), expected);
});

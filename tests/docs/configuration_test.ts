/** docs/CONFIGURATION.md and the JSON Schemas are those of the tables of settings, and all that they show is right. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configuration, exampleOf, schemaText } from "../../scripts/configuration.ts";
import { clientRulesSpec } from "../../src/config/client.ts";
import { loadFile } from "../../src/config/file.ts";
import { readConfig, type Spec } from "../../src/config/read.ts";
import { type Option, optionsOf } from "../../src/config/schema.ts";
import { serverRulesSpec } from "../../src/config/server.ts";
import { editorSays } from "../support/schema.ts";
import { fenced, read } from "./markdown.ts";

/** The settings of both sides, those of `micss rules` with them. */
const settings: ["server" | "client", Spec<unknown>, Option][] = [
  ...optionsOf(serverRulesSpec.schema).map((one) =>
    ["server", serverRulesSpec, one] as ["server", Spec<unknown>, Option]
  ),
  ...optionsOf(clientRulesSpec.schema).map((one) =>
    ["client", clientRulesSpec, one] as ["client", Spec<unknown>, Option]
  ),
];

const MADE = "run scripts/configuration.ts";

Deno.test("docs/CONFIGURATION.md is what scripts/configuration.ts writes", () => {
  assertEquals(read("docs/CONFIGURATION.md"), configuration(), MADE);
});

for (const side of ["server", "client"] as const) {
  Deno.test(`docs/schema/${side}.json is what scripts/configuration.ts writes`, () => {
    assertEquals(read(`docs/schema/${side}.json`), schemaText(side), MADE);
  });
}

Deno.test("every setting has an example that is right, alone, for the program and for an editor", () => {
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

/** YAML that the documentation shows, by where. */
const shown = ["README.md", "docs/OPERATIONS.md", "docs/CONFIGURATION.md"].flatMap((path) =>
  fenced(read(path)).filter(({ kind }) => kind === "yaml").map(({ content }) => [path, content] as const)
);

Deno.test("an editor has nothing to say of the files that the documentation shows", () => {
  // Other programs' files, such as Kubernetes's, name their kind.
  const ours = shown.filter(([, yaml]) => /^(?:channels|servers):/m.test(yaml) && !/^kind:/m.test(yaml));
  assert(ours.length >= 3);
  for (const [path, yaml] of ours) {
    assertEquals(editorSays(/^channels:/m.test(yaml) ? "server" : "client", yaml), [], `${path}\n${yaml}`);
  }
});

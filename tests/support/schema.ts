// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import { Ajv, type ErrorObject } from "npm:ajv@8.20.0";
import { parse } from "@std/yaml";
import { schemaText } from "../../scripts/configuration.ts";

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });

const validators = {
  server: ajv.compile(JSON.parse(schemaText("server"))),
  client: ajv.compile(JSON.parse(schemaText("client"))),
};

/** What an editor that knows the JSON Schema of a side's files says of this one: where, and what; empty if nothing. */
export function editorSays(side: "server" | "client", yaml: string): string[] {
  const validate = validators[side];
  validate(parse(yaml) ?? {});
  return (validate.errors ?? []).map((error: ErrorObject) => `${error.instancePath}: ${error.message}`);
}

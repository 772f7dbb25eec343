// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import { Ajv, type ErrorObject } from "npm:ajv@8.20.0";
import { parse } from "@std/yaml";
import { schemaText } from "../../scripts/configuration.ts";

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });

const validators = {
  server: ajv.compile(JSON.parse(schemaText("server"))),
  client: ajv.compile(JSON.parse(schemaText("client"))),
};

/** Validates a file against the JSON Schema of its side, as an editor does. @returns Each mistake with its path. */
export function editorSays(side: "server" | "client", yaml: string): string[] {
  const validate = validators[side];
  validate(parse(yaml) ?? {});
  return (validate.errors ?? []).map((error: ErrorObject) => `${error.instancePath}: ${error.message}`);
}

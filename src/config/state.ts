import type { Field } from "./schema.ts";
import { scalar } from "./shape.ts";
import type { Syntax } from "./syntax.ts";

/** A directory's path. */
const directorySyntax: Syntax<string> = {
  placeholder: "DIR",
  means: "a path; relative paths start at the working directory",
  schema: { type: "string" },
  parse: (text) => text,
  format: (path) => path,
};

/** `state` of either handler, documented as `doc`. */
export function stateField(doc: string): Field<string> {
  return { key: "state", flag: "state", shape: scalar(directorySyntax), example: "/var/lib/micss", doc };
}

/** `state` of a server handler. */
export const serverStateField: Field<string> = stateField(
  "Directory with this server's key, clients and open invitations; for the default, see micss help invite",
);

/** `state` of a client handler. */
export const clientStateField: Field<string> = stateField(
  "Directory with the servers that micss join added; for the default, see micss help join",
);

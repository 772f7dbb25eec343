import { quote } from "../config/problems.ts";
import type { Syntax } from "../config/syntax.ts";
import { isName } from "../wire/invitation.ts";

/** The name of a server on a client. */
export const nameSyntax: Syntax<string> = {
  placeholder: "NAME",
  means: "letters, digits, dots and dashes",
  schema: { type: "string" },
  parse(text) {
    if (isName(text)) return text.toLowerCase();
    throw new SyntaxError(`not a name: ${quote(text)}; use letters, digits, dots and dashes`);
  },
  format: (name) => name,
};

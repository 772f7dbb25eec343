/**
 * Writes docs/vectors.json, the test vectors of docs/PROTOCOL.md, as the code computes them:
 * `deno run --allow-write=docs scripts/vectors.ts`. The same code writes the same file, byte for byte.
 *
 * @module
 */

import { direction } from "./vectors/direction.ts";
import { fields, tags } from "./vectors/field.ts";
import { associates, greetings, refusals } from "./vectors/handshake.ts";
import { exchanges, invalidLists, unanswered } from "./vectors/identify.ts";
import { invalid } from "./vectors/invalid.ts";
import { opens } from "./vectors/open.ts";
import { shares } from "./vectors/shares.ts";

const ABOUT = "Test vectors of MICSS/1, made by scripts/vectors.ts; docs/PROTOCOL.md describes them. Bytes are " +
  "in hexadecimal. Bytes from a CSPRNG are replaced by bytes that count up: 00, 01, 02 and so on.";

/** The text of docs/vectors.json. */
export function vectors(): string {
  const groups = {
    about: ABOUT,
    greeting: greetings(),
    associate: associates(),
    refused: refusals(),
    open: opens(),
    field: fields(),
    tag: tags(),
    direction: direction(),
    shares: shares(),
    invalid: invalid(),
    identify: exchanges(),
    unanswered: unanswered(),
    invalidList: invalidLists(),
  };
  return `${JSON.stringify(groups, null, 2)}\n`;
}

if (import.meta.main) await Deno.writeTextFile(new URL("../docs/vectors.json", import.meta.url), vectors());

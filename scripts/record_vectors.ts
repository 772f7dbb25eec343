/**
 * Writes docs/record-vectors.json, the test vectors of records, from what the code makes:
 * `deno run --allow-write=docs scripts/record_vectors.ts`. The same code makes the same file, byte for byte.
 *
 * @module
 */

import { invalidDirections, recordDirection, recordHashes, recordTags } from "./vectors/records.ts";

const ABOUT = "Test vectors of records, made by scripts/record_vectors.ts; docs/RECORDS.md describes them. Bytes are " +
  "in hexadecimal. Keys, which a program takes from its CSPRNG, count up here: 00, 01, 02 and so on.";

/** The text of docs/record-vectors.json. */
export function recordVectors(): string {
  const groups = {
    about: ABOUT,
    hash: recordHashes(),
    tag: recordTags(),
    direction: recordDirection(),
    invalid: invalidDirections(),
  };
  return `${JSON.stringify(groups, null, 2)}\n`;
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("../docs/record-vectors.json", import.meta.url), recordVectors());
}

/**
 * Compiles hashes.ts to WebAssembly and writes src/records/hashes_wasm.ts; with `--check`, compares with that file instead
 * and ends with status 1 if it differs: `cd scripts/wasm && deno run --allow-read --allow-write --allow-env main.ts`.
 *
 * The same source gives the same bytes: the compiler is pinned by deno.json and deno.lock here.
 *
 * @module
 */

import { main } from "assemblyscript/asc";

const SOURCE = new URL("hashes.ts", import.meta.url);
const MODULE = new URL("../../src/records/hashes_wasm.ts", import.meta.url);

/** No runtime, no imports, and two pages of memory: inputs, a message of 65,536 bytes and its padding. */
const OPTIONS = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--initialMemory", "2"];

/** The WebAssembly module. */
async function compile(): Promise<Uint8Array> {
  const source = await Deno.readTextFile(SOURCE);
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main(["hashes.ts", ...OPTIONS, "--maximumMemory", "2", "--outFile", "hashes.wasm"], {
    readFile: (name) => name === "hashes.ts" ? source : null,
    writeFile: (_, contents) => void (binary = contents as Uint8Array),
  });
  if (error !== null || binary === undefined) throw new Error(`hashes.ts does not compile:\n${stderr}`);
  return binary;
}

function moduleOf(binary: Uint8Array): string {
  return `// Built by scripts/wasm/main.ts from scripts/wasm/hashes.ts.

/** The hash and the tag of records as WebAssembly, in Base64. */
export const HASHES_WASM =
  "${binary.toBase64()}";
`;
}

const text = moduleOf(await compile());
if (!Deno.args.includes("--check")) await Deno.writeTextFile(MODULE, text);
else if (await Deno.readTextFile(MODULE) !== text) {
  console.error("wasm: src/records/hashes_wasm.ts is not what scripts/wasm/main.ts builds");
  Deno.exit(1);
}

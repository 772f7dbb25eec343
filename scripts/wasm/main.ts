/**
 * Compiles the modules here to WebAssembly and writes them into src; with `--check`, compares with the files there instead
 * and ends with status 1 if any differs: `cd scripts/wasm && deno run --allow-read --allow-write --allow-env main.ts`.
 *
 * The same sources give the same bytes: the compiler is pinned by deno.json and deno.lock here.
 *
 * @module
 */

import { main } from "assemblyscript/asc";

/** A module: a source here, and a file of src that exports it as a constant. */
interface Module {
  readonly source: string;
  readonly target: string;
  readonly constant: string;
  /** Begins the comment of the constant. */
  readonly description: string;
  /** Pages of memory, 65,536 bytes each; it never grows. */
  readonly pages: number;
  readonly options: readonly string[];
}

const MODULES: readonly Module[] = [
  {
    source: "hashes.ts",
    target: "src/records/hashes_wasm.ts",
    constant: "HASHES_WASM",
    description: "The hash and the tag of records",
    // Inputs, a message of 65,536 bytes and its padding.
    pages: 2,
    options: [],
  },
  {
    source: "interpolation.ts",
    target: "src/sharing/interpolation_wasm.ts",
    constant: "INTERPOLATION_WASM",
    description: "Interpolation over GF(256)",
    // Tables and 17 blocks of 32,768 bytes.
    pages: 9,
    options: ["--enable", "relaxed-simd"],
  },
  {
    source: "chacha20.ts",
    target: "src/sharing/chacha20_wasm.ts",
    constant: "CHACHA20_WASM",
    description: "ChaCha20",
    // A key, and a message of 65,552 bytes.
    pages: 2,
    options: ["--enable", "simd"],
  },
  {
    source: "datagrams.ts",
    target: "src/datagrams/datagrams_wasm.ts",
    constant: "DATAGRAMS_WASM",
    description: "The tag and the joining of datagrams",
    // Tables, two messages of 65,551 bytes with what is around them, and 2,048 rooms of 2,048 bytes for packets.
    pages: 68,
    options: ["--enable", "relaxed-simd"],
  },
];

/** No runtime and no imports. */
const OPTIONS = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort="];

/** The WebAssembly module. */
async function compile({ source, pages, options }: Module): Promise<Uint8Array> {
  const text = await Deno.readTextFile(new URL(source, import.meta.url));
  let binary: Uint8Array | undefined;
  const memory = ["--initialMemory", `${pages}`, "--maximumMemory", `${pages}`];
  const { error, stderr } = await main([source, ...OPTIONS, ...options, ...memory, "--outFile", "module.wasm"], {
    readFile: (name) => name === source ? text : null,
    writeFile: (_, contents) => void (binary = contents as Uint8Array),
  });
  if (error !== null || binary === undefined) throw new Error(`${source} does not compile:\n${stderr}`);
  return binary;
}

function textOf({ source, constant, description }: Module, binary: Uint8Array): string {
  return `// Built by scripts/wasm/main.ts from scripts/wasm/${source}.

/** ${description} as WebAssembly, in Base64. */
export const ${constant} =
  "${binary.toBase64()}";
`;
}

for (const module of MODULES) {
  const target = new URL(`../../${module.target}`, import.meta.url), text = textOf(module, await compile(module));
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(target, text);
  else if (await Deno.readTextFile(target) !== text) {
    console.error(`wasm: ${module.target} is not what scripts/wasm/main.ts builds`);
    Deno.exitCode = 1;
  }
}

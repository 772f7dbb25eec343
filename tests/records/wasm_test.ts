/** The WebAssembly in src: built from its source, with no imports, and usable without permissions. */
import { assertEquals } from "@std/assert";
import { stdFlags } from "../../scripts/std.ts";
import { HASHES_WASM } from "../../src/records/hashes_wasm.ts";
import { DATAGRAMS_WASM } from "../../src/datagrams/datagrams_wasm.ts";
import { INTERPOLATION_WASM } from "../../src/sharing/interpolation_wasm.ts";
import { CHACHA20_WASM } from "../../src/sharing/chacha20_wasm.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { Random } from "../support/random/random.ts";
import { direction } from "./direction.ts";

const ROOT = new URL("../../", import.meta.url);

async function deno(cwd: URL, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
  return { code, text: new TextDecoder().decode(code === 0 ? stdout : stderr) };
}

const TOOL = new URL("scripts/wasm/", ROOT);
const hasCompiler = (await deno(TOOL, "cache", "--frozen", "main.ts")).code === 0;

Deno.test({
  name: "building the modules again gives the same bytes" +
    (hasCompiler ? "" : " (ignored: needs AssemblyScript from the npm registry)"),
  ignore: !hasCompiler,
  async fn() {
    assertEquals(await deno(TOOL, "run", "--frozen", "-A", "main.ts", "--check"), { code: 0, text: "" });
  },
});

for (
  const { name, base64, functions } of [
    { name: "hashes", base64: HASHES_WASM, functions: ["function poly1305", "function tag"] },
    { name: "ChaCha20", base64: CHACHA20_WASM, functions: ["function chacha20"] },
    { name: "interpolation", base64: INTERPOLATION_WASM, functions: ["function interpolate"] },
    {
      name: "datagrams",
      base64: DATAGRAMS_WASM,
      functions: ["function add", "function addTwo", "function check", "function prepare", "function write"],
    },
  ]
) {
  Deno.test(`the module of ${name} imports nothing, and exports its memory and functions`, () => {
    const module = new WebAssembly.Module(Uint8Array.fromBase64(base64));
    assertEquals(WebAssembly.Module.imports(module), []);
    const exports = WebAssembly.Module.exports(module).map(({ kind, name }) => `${kind} ${name}`);
    assertEquals(exports.sort(), [...functions, "memory memory"]);
  });
}

Deno.test("records and short shares are the same without any permission, by WebAssembly alone", async () => {
  const program = "tests/records/without_permissions_program.ts";
  const { code, text } = await deno(ROOT, "run", "--no-prompt", ...await stdFlags(), program);
  const sent = concat([...direction([5, 600, 20_000].map((length) => new Uint8Array(length).fill(length)))]);
  const splitter = new ShortSplitter(3, new Random(1).fill);
  const shares = Array.from({ length: 3 }, () => new Uint8Array(splitter.lengthOf(sent)));
  splitter.split(sent, shares);
  const lines = [sent.toHex(), "5,600,20000", shares.map((share) => share.toHex()).join(), sent.toHex(), ""];
  assertEquals({ code, text }, { code: 0, text: lines.join("\n") });
});

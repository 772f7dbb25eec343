/** The module in src/records/hashes_wasm.ts: built from its source, with no imports, and usable without permissions. */
import { assertEquals } from "@std/assert";
import { stdFlags } from "../../scripts/std.ts";
import { HASHES_WASM } from "../../src/records/hashes_wasm.ts";
import { concat } from "../../src/wire/concat.ts";
import { direction } from "./direction.ts";

const ROOT = new URL("../../", import.meta.url);

async function deno(cwd: URL, ...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
  return { code, text: new TextDecoder().decode(code === 0 ? stdout : stderr) };
}

const TOOL = new URL("scripts/wasm/", ROOT);
const hasCompiler = (await deno(TOOL, "cache", "--frozen", "main.ts")).code === 0;

Deno.test({
  name: "building the module again gives the same bytes" +
    (hasCompiler ? "" : " (ignored: needs AssemblyScript from the npm registry)"),
  ignore: !hasCompiler,
  async fn() {
    assertEquals(await deno(TOOL, "run", "--frozen", "-A", "main.ts", "--check"), { code: 0, text: "" });
  },
});

Deno.test("the module imports nothing, and exports its memory and two functions", () => {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(HASHES_WASM));
  assertEquals(WebAssembly.Module.imports(module), []);
  assertEquals(WebAssembly.Module.exports(module).map(({ kind, name }) => `${kind} ${name}`).sort(), [
    "function poly1305",
    "function tag",
    "memory memory",
  ]);
});

Deno.test("records are the same without any permission, by WebAssembly alone", async () => {
  const program = "tests/records/without_permissions_program.ts";
  const { code, text } = await deno(ROOT, "run", "--no-prompt", ...await stdFlags(), program);
  const sent = concat([...direction([5, 600, 20_000].map((length) => new Uint8Array(length).fill(length)))]);
  assertEquals({ code, text }, { code: 0, text: `${sent.toHex()}\n5,600,20000\n` });
});

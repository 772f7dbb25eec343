import { assertEquals } from "@std/assert";
import { readFile } from "../../src/config/file.ts";
import { readSource } from "../../src/config/source.ts";
import { createKey, loadKey } from "../../src/identify/key_file.ts";
import { makeTempDir, Program, run } from "../support/programs/process.ts";

Deno.test("a pipe is read once, and later reads return the same content", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/pipe`;
  await run(["mkfifo", path]);
  await using _writer = Program.start(["sh", "-c", `printf 'warm: 1\n' > ${path}`]);
  assertEquals(readFile(path), "warm: 1\n");
  assertEquals(readFile(path), "warm: 1\n");
});

Deno.test("a key can be read from a pipe that delivers it in pieces", async () => {
  await using directory = await makeTempDir();
  const [path, key] = [`${directory.path}/pipe`, `${directory.path}/key`];
  await run(["mkfifo", "-m", "600", path]);
  const { id } = await createKey("hmac", key, "");
  const pieces = `(head -c 20 ${key}; sleep 0.1; tail -c +21 ${key}) > ${path}`;
  await using _writer = Program.start(["sh", "-c", pieces]);
  assertEquals((await loadKey(path, "sign")).id, id);
  assertEquals((await loadKey(path, "verify")).id, id);
});

Deno.test("a regular file is read each time, up to the limit", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/file`;
  for (const text of ["first", "second"]) {
    Deno.writeTextFileSync(path, text);
    assertEquals(new TextDecoder().decode(readSource(path, 5).bytes), text.slice(0, 5));
  }
});

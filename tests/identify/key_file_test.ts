import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createKey, KeyFileError, loadKey } from "../../src/identify/key_file.ts";
import { makeTempDir } from "../support/programs/process.ts";

Deno.test("a new key is private to its owner; the public half of a pair is readable by all", async () => {
  await using directory = await makeTempDir();
  const [hmac, pair] = [`${directory.path}/h.key`, `${directory.path}/e.key`];
  assertEquals((await createKey("hmac", hmac, "")).files, [hmac]);
  const { id, files } = await createKey("ed25519", pair, "web server");
  assertEquals(files, [pair, `${pair}.pub`]);
  const modes = [hmac, pair, `${pair}.pub`].map((path) => Deno.statSync(path).mode! & 0o777);
  assertEquals(modes.map((mode) => mode & 0o077), [0, 0, 0o044]);
  assertMatch(Deno.readTextFileSync(`${pair}.pub`), /^micss-ed25519-public-v1 [\w+/]{43}= web server\n$/);
  assertEquals((await loadKey(pair, "sign")).id, id);
  assertEquals((await loadKey(`${pair}.pub`, "verify")).id, id);
  assertEquals((await loadKey(hmac, "sign")).id, (await loadKey(hmac, "verify")).id);
});

Deno.test("no file is overwritten, and no half of a pair is left if the other can't be created", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/key`;
  Deno.writeTextFileSync(path, "precious");
  for (const method of ["hmac", "ed25519"] as const) {
    const error = await assertRejects(() => createKey(method, path, ""), KeyFileError);
    assertEquals(error.message, "exists, and keys are never overwritten; give another --out");
  }
  assertEquals(Deno.readTextFileSync(path), "precious");
  Deno.renameSync(path, `${path}.pub`);
  await assertRejects(() => createKey("ed25519", path, ""), KeyFileError, "exists");
  assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["key.pub"]);
});

Deno.test("a key accessible to others is refused, with the command that helps", async () => {
  await using directory = await makeTempDir();
  const [hmac, pair] = [`${directory.path}/h.key`, `${directory.path}/e.key`];
  await createKey("hmac", hmac, "");
  await createKey("ed25519", pair, "");
  for (const [path, use] of [[hmac, "sign"], [hmac, "verify"], [pair, "sign"]] as const) {
    for (const mode of [0o640, 0o604, 0o620, 0o601, 0o777]) {
      Deno.chmodSync(path, mode);
      const { message } = await assertRejects(() => loadKey(path, use), KeyFileError);
      assertEquals(message, `a secret that users other than its owner can access; chmod 600 ${path}`);
    }
    for (const mode of [0o600, 0o400]) {
      Deno.chmodSync(path, mode);
      await loadKey(path, use);
    }
  }
  for (const mode of [0o664, 0o646]) {
    Deno.chmodSync(`${pair}.pub`, mode);
    const { message } = await assertRejects(() => loadKey(`${pair}.pub`, "verify"), KeyFileError);
    assertEquals(message, `a key that users other than its owner can write; chmod go-w ${pair}.pub`);
  }
});

Deno.test("each side accepts only its own half of a pair", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/key`;
  await createKey("ed25519", path, "");
  await assertRejects(() => loadKey(path, "verify"), KeyFileError, "the private half, which only its owner has");
  await assertRejects(() => loadKey(`${path}.pub`, "sign"), KeyFileError, "the public half, which proves nothing");
});

Deno.test("an invalid key is refused with a message that contains no part of it", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/key`;
  const texts = ["", "secret", "micss-hmac-v1 c2VjcmV0\n", "micss-hmac-v1 ".padEnd(100_000, "A")];
  for (const text of texts) {
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    const { message } = await assertRejects(() => loadKey(path, "sign"), KeyFileError);
    assertMatch(message, /^(not a micss key|the key is truncated or altered); make one with micss keygen$/);
  }
  await assertRejects(() => loadKey(`${path}x`, "sign"), KeyFileError, "no such file");
  await assertRejects(() => loadKey(directory.path, "sign"), KeyFileError);
});

import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatKey, generateEd25519, generateHmac, importKey, parseKey } from "../../src/identify/key.ts";
import { makeKey, type MethodName } from "../support/handlers/keys.ts";

const BYTES = new TextEncoder().encode("anything") as Uint8Array<ArrayBuffer>;

Deno.test("a key round-trips through its text, with and without a comment", () => {
  for (const comment of ["", "web", "the key of  web"]) {
    const key = generateHmac(comment);
    const text = formatKey(key);
    assertEquals(text.split("\n").length, 2);
    assertEquals([parseKey(text), parseKey(text.trimEnd())], [key, key]);
  }
});

Deno.test("white space around a key's text and its parts does not matter", () => {
  const { material, kind } = generateHmac("");
  const base64 = material.toBase64();
  for (
    const text of [`${kind} ${base64}\n\n`, ` ${kind} ${base64}`, `\n${kind}\t${base64} \r\n`, `${kind}  ${base64}`]
  ) {
    assertEquals(parseKey(text), { kind, material, comment: "" }, JSON.stringify(text));
  }
  assertEquals(parseKey(` ${kind} ${base64}  web  server \n\n`).comment, "web  server");
});

Deno.test("invalid key text is refused, and no part of it shows", () => {
  const { material } = generateHmac("");
  const base64 = material.toBase64();
  const texts = [
    "",
    "\n",
    base64,
    `micss-hmac-v2 ${base64}`,
    "micss-hmac-v1 ",
    `micss-hmac-v1 ${base64.slice(0, -1)}`,
    `micss-hmac-v1 ${base64.slice(0, -4)}`,
    `micss-hmac-v1 ${base64}AAAA`,
    `micss-hmac-v1 ${base64}\nmicss-hmac-v1 ${base64}`,
    `micss-hmac-v1 ${base64.replace(/./, "!")}`,
  ];
  for (const text of texts) {
    const { message } = assertThrows(() => parseKey(text), SyntaxError);
    assert(!message.includes(base64.slice(1, 5)), message);
  }
});

for (const method of ["hmac", "ed25519"] as MethodName[]) {
  Deno.test(`the client's key verifies what the server's key signs, and nothing else, ${method}`, async () => {
    const [one, other] = [await makeKey(method), await makeKey(method)];
    const token = await one.server.sign!(BYTES);
    assertEquals(token.length, method === "hmac" ? 32 : 64);
    assertEquals(await one.client.verify!(BYTES, token), true);
    assertEquals(await other.client.verify!(BYTES, token), false);
    assertEquals(await one.client.verify!(BYTES.slice(1), token), false);
    for (let at = 0; at < token.length; at += 5) {
      const changed = token.map((byte, index) => index === at ? byte ^ 128 : byte);
      assertEquals(await one.client.verify!(BYTES, changed), false);
    }
    for (const length of [0, 1, token.length - 1]) {
      assertEquals(await one.client.verify!(BYTES, token.slice(0, length)), false);
    }
  });

  Deno.test(`both sides of a key share an id that other keys don't have, ${method}`, async () => {
    const [one, other] = [await makeKey(method), await makeKey(method)];
    assertEquals([one.server.id, one.client.id.length], [one.client.id, 8]);
    assert(one.client.id.toHex() !== other.client.id.toHex());
  });
}

Deno.test("the public half can't sign, and the private half does not verify", async () => {
  const { server, client } = await makeKey("ed25519");
  assertEquals([typeof server.sign, server.verify], ["function", undefined]);
  assertEquals([client.sign, typeof client.verify], [undefined, "function"]);
});

Deno.test("the public half equals that of RFC 8032's test vector", async () => {
  const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
  const key = await importKey({ kind: "micss-ed25519-v1", material: Uint8Array.fromHex(seed), comment: "" });
  const open = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  const other = await importKey({ kind: "micss-ed25519-public-v1", material: Uint8Array.fromHex(open), comment: "" });
  assertEquals(key.id, other.id);
  const token = await key.sign!(new Uint8Array(0));
  assertEquals(token.toHex().slice(0, 32), "e5564300c360ac729086e2cc806e828a");
  assertEquals((await generateEd25519("x")).open.comment, "x");
});

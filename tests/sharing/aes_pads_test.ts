import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { aesPads } from "../../src/sharing/aes_pads.ts";
import { padSource } from "../../src/sharing/pads.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";

const pads = aesPads(systemPads);

function testWithOpenssl(name: string, run: () => void | Promise<void>): void {
  const ignore = pads === null;
  Deno.test({ name: ignore ? `${name} (ignored: needs libcrypto)` : name, ignore, fn: run });
}

/** Key stream of AES-256 in counter mode, by WebCrypto. */
async function keyStream(key: Uint8Array, length: number): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key as Uint8Array<ArrayBuffer>, "AES-CTR", false, ["encrypt"]);
  const counter = new Uint8Array(16);
  return new Uint8Array(
    await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, imported, new Uint8Array(length)),
  );
}

testWithOpenssl("a long pad is the key stream of a key of its own, to the last byte", async () => {
  const keys: Uint8Array[] = [];
  const source = aesPads((into) => {
    systemPads(into);
    keys.push(into.slice());
  })!;
  for (const length of [4096, 4097, 65_536, 524_288, 524_324]) {
    keys.length = 0;
    const into = new Uint8Array(length + 16).fill(7);
    source(into.subarray(8, 8 + length));
    assertEquals(keys.map((key) => key.length), [32]);
    assertEquals(into.subarray(8, 8 + length), await keyStream(keys[0]!, length));
    assertEquals([...into.subarray(0, 8), ...into.subarray(8 + length)], Array(16).fill(7));
  }
});

testWithOpenssl("more than one key's worth takes several keys, each once", () => {
  const keys = new Set<string>();
  let taken = 0;
  const source = aesPads((into) => {
    systemPads(into);
    keys.add(into.toHex());
    taken++;
  })!;
  source(new Uint8Array(2_000_000));
  assertEquals([taken, keys.size], [4, 4]);
});

testWithOpenssl("two pads are never alike, whatever was in the arrays before", () => {
  const [a, b] = [new Uint8Array(65_536), new Uint8Array(65_536)];
  pads!(a);
  pads!(b);
  assertNotEquals(a, b);
});

testWithOpenssl("a short pad is the seed's own bytes", () => {
  const source = aesPads((into) => void into.fill(5))!;
  const into = new Uint8Array(4095);
  source(into);
  assert(into.every((byte) => byte === 5));
});

testWithOpenssl("an error of the seed propagates", () => {
  const source = aesPads(() => {
    throw new Error("no entropy");
  })!;
  assertThrows(() => source(new Uint8Array(65_536)), Error, "no entropy");
  assertThrows(() => source(new Uint8Array(16)), Error, "no entropy");
});

Deno.test("padSource returns the runtime's source, or the fastest one, created once", () => {
  assertEquals(padSource("system"), systemPads);
  assertEquals(padSource("auto"), padSource("auto"));
  assertEquals(padSource("auto") === systemPads, pads === null);
});

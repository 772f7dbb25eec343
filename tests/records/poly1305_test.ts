import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Poly1305, wasmPoly1305 } from "../../src/records/hashes.ts";
import { loadOpensslPoly1305 } from "../../src/records/openssl_poly1305.ts";
import { fastestPoly1305, withOpenssl } from "../../src/records/poly1305.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { poly1305Slowly } from "../../scripts/vectors/sealing.ts";
import { VECTORS } from "./rfc8439.ts";

const openssl = loadOpensslPoly1305();

function hashOf(poly1305: Poly1305, key: Uint8Array, message: Uint8Array): string {
  const hash = new Uint8Array(16);
  poly1305(key, message, hash);
  return hash.toHex();
}

const WAYS: Readonly<Record<string, Poly1305 | null>> = {
  WebAssembly: wasmPoly1305,
  OpenSSL: openssl,
  "the fastest way": fastestPoly1305(),
  "the tests' own way": (key, message, hash) => hash.set(poly1305Slowly(key, message)),
};

for (const [way, poly1305] of Object.entries(WAYS)) {
  const ignore = poly1305 === null;
  Deno.test({
    name: `${way} gives the hashes that RFC 8439 publishes${ignore ? " (ignored: needs libcrypto)" : ""}`,
    ignore,
    fn() {
      for (const { name, key, message, hash } of VECTORS) {
        assertEquals(hashOf(poly1305!, Uint8Array.fromHex(key), message), hash, name);
      }
    },
  });
}

/** Every length up to some blocks, and those around greater powers of two and the longest. */
const LENGTHS = [
  ...Array.from({ length: 290 }, (_, length) => length),
  ...[512, 1024, 4096, 16_384, 65_536].flatMap((length) => [-17, -16, -15, -1, 0].map((by) => length + by)),
  ...[1, 15, 16, 17].map((by) => 512 + by),
];

Deno.test("every way gives the same hash at every length around the edges of blocks, at any offset", () => {
  const random = new Random(1);
  for (const length of LENGTHS) {
    const offset = random.below(9), key = random.bytes(32), message = random.bytes(offset + length).subarray(offset);
    const before = [key.slice(), message.slice()], hash = poly1305Slowly(key, message).toHex();
    for (const [way, poly1305] of Object.entries(WAYS)) {
      if (poly1305 !== null) assertEquals(hashOf(poly1305, key, message), hash, `${way}, ${length} bytes`);
    }
    assertEquals([key, message], before);
  }
});

Deno.test("every way gives the same hash where limbs are full: bytes of all ones, and blocks near the prime", async () => {
  const specials = [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255];
  await forSeeds(2000, (random) => {
    const special = (length: number): Uint8Array => {
      const fill = random.pick([0, 255]);
      return Uint8Array.from({ length }, () => random.below(8) > 0 ? fill : random.pick(specials));
    };
    const key = special(32), message = special(random.below(100));
    const hash = poly1305Slowly(key, message).toHex();
    for (const [way, poly1305] of Object.entries(WAYS)) {
      if (poly1305 !== null) assertEquals(hashOf(poly1305, key, message), hash, way);
    }
  });
});

Deno.test("a message of more than 65,536 bytes is refused, and what was hashed before does not change what follows", () => {
  const random = new Random(2), key = random.bytes(32), short = random.bytes(5);
  const before = hashOf(wasmPoly1305, key, short);
  assertThrows(() => hashOf(wasmPoly1305, key, new Uint8Array(65_537)), RangeError, "65537 bytes");
  hashOf(wasmPoly1305, random.bytes(32), random.bytes(65_536));
  assertEquals(hashOf(wasmPoly1305, key, short), before);
});

Deno.test("an OpenSSL that is missing, fails, or gives a wrong hash is not used", () => {
  assertEquals(withOpenssl(null), wasmPoly1305);
  assertEquals(withOpenssl(() => {}), wasmPoly1305);
  assertEquals(
    withOpenssl(() => {
      throw new Error("OpenSSL computed no hash");
    }),
    wasmPoly1305,
  );
  // Right for the first vector only; then for all but long messages.
  assertEquals(withOpenssl((_, __, hash) => hash.set(Uint8Array.fromHex(VECTORS[0]!.hash))), wasmPoly1305);
  const shortOnly: Poly1305 = (key, message, hash) => wasmPoly1305(key, message.subarray(0, 4000), hash);
  assertEquals(withOpenssl(shortOnly), wasmPoly1305);
});

Deno.test("short messages are not worth OpenSSL's calls, long ones are", () => {
  const lengths: number[] = [];
  const counted = withOpenssl((key, message, hash) => {
    lengths.push(message.length);
    wasmPoly1305(key, message, hash);
  });
  assert(counted !== wasmPoly1305);
  lengths.length = 0;
  for (const length of [0, 1, 511, 512, 65_536]) hashOf(counted, new Uint8Array(32), new Uint8Array(length));
  assertEquals(lengths, [512, 65_536]);
});

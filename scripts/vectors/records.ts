import { firstBlock, hashSlowly, multiply, recordSlowly, tagSlowly, toElement, toInteger } from "./sealing.ts";
import { counted, join, shortHex, utf8, type Vector } from "./vector.ts";

/** Products of two elements of GF(2^128) (docs/PROTOCOL.md 4.3). */
export function products(): Vector[] {
  const one = power(0), a = counted(16, 1), b = counted(16, 240), ones = new Uint8Array(16).fill(255);
  const h = reversed("66e94bd4ef8a2c3b884cfa59ca342b2e"), c = reversed("0388dace60b6a392f328c2b971b2fe78");
  const product = (name: string, description: string, a: Uint8Array, b: Uint8Array): Vector => {
    const value = toElement(multiply(toInteger(a), toInteger(b))).toHex();
    return { name, description, a: a.toHex(), b: b.toHex(), product: value };
  };
  return [
    product("one", "a times 1 is a", a, one),
    product("zero", "a times 0 is 0", a, new Uint8Array(16)),
    product("no reduction", "x^64 times x^63 is x^127", power(64), power(63)),
    product("reduction", "x times x^127 is x^7 + x^2 + x + 1", power(1), power(127)),
    product("greatest", "All bits times all bits", ones, ones),
    product("two elements", "A product of two elements", a, b),
    product("swapped", "The same product", b, a),
    product("GCM", "A product of the second test case of GCM's specification, the bits of elements reversed", c, h),
  ];
}

/** Hashes of bodies under rho (docs/PROTOCOL.md 4.2). */
export function hashes(): Vector[] {
  const rho = counted(16, 16);
  const hash = (name: string, description: string, body: Uint8Array, key = rho): Vector => {
    return { name, description, rho: key.toHex(), body: shortHex(body), hash: hashSlowly(key, body).toHex() };
  };
  return [
    hash("a byte", "The shortest body", Uint8Array.of(65)),
    hash("a block", "16 bytes", counted(16)),
    hash("a block and a byte", "17 bytes", counted(17)),
    hash("a text", "34 bytes", utf8("Cryptographic Forum Research Group")),
    hash("all ones", "Limbs that are full, with every bit of rho set", filled(48, 255), filled(16, 255)),
    hash("near the prime", "A sum that is 2^130 - 5, so 0", nearPrime(), Uint8Array.of(1, ...filled(15, 0))),
    hash("many blocks", "1,000 bytes", counted(1000)),
    hash("longest", "65,536 bytes, all of them 255", filled(65_536, 255)),
  ];
}

/** The message of vector 8 of RFC 8439, appendix A.3. */
function nearPrime(): Uint8Array {
  return Uint8Array.fromHex("ff".repeat(16) + "fb" + "fe".repeat(15) + "01".repeat(16));
}

/** Tags of heads: m1 k + m2 k^2 (docs/PROTOCOL.md 4.3). */
export function tags(): Vector[] {
  const k = counted(16), hash = counted(16, 128);
  const tag = (name: string, description: string, length: number, number: number, key = k): Vector => ({
    name,
    description,
    k: key.toHex(),
    length,
    number,
    hash: hash.toHex(),
    blocks: [firstBlock(length, number).toHex(), hash.toHex()],
    tag: tagSlowly(key, length, number, hash).toHex(),
  });
  return [
    tag("KEY", "Length and number 0: hash k^2", 0, 0),
    tag("first record", "A byte", 1, 1),
    tag("longest", "65,536 bytes", 65_536, 1),
    tag("after many", "Number 2^32 + 1", 100, 2 ** 32 + 1),
    tag("one", "k is 1: the sum of both blocks", 100, 1, power(0)),
    tag("all ones", "k is all ones", 100, 1, filled(16, 255)),
  ];
}

/** Records, each with the keys and number that seal it (docs/PROTOCOL.md 4.1). */
export function records(): Vector[] {
  const k = counted(16), rho = counted(16, 16);
  const record = (name: string, description: string, number: number, body: Uint8Array): Vector => {
    const bytes = shortHex(recordSlowly(k, rho, number, body));
    return { name, description, k: k.toHex(), rho: rho.toHex(), number, body: shortHex(body), bytes };
  };
  return [
    record("a byte", "The shortest body; what it says is not of this layer", 1, Uint8Array.of(33)),
    record("the next", "The same body: another tag", 2, Uint8Array.of(33)),
    record("two blocks", "32 bytes", 3, counted(32, 100)),
    record("longer", "A length of two bytes", 4, counted(300, 7)),
    record("longest", "65,536 bytes", 5, filled(65_536, 0)),
    record("after many", "Record 2^32 + 1", 2 ** 32 + 1, join(counted(5, 65))),
  ];
}

function filled(length: number, byte: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(byte);
}

/** x^exponent. */
function power(exponent: number): Uint8Array<ArrayBuffer> {
  return toElement(1n << BigInt(exponent));
}

/** Converts an element from GCM's bit order to this protocol's. */
function reversed(hex: string): Uint8Array<ArrayBuffer> {
  const bits = BigInt(`0x${hex}`).toString(2).padStart(128, "0");
  return toElement(BigInt(`0b${[...bits].reverse().join("")}`));
}

/**
 * The attack that broke a draft of records: there KEY was not under a tag, so that a channel's owner could flip a bit of
 * the hash key rho on its way. XOR acts on a number as addition where it knows the bit, and it guesses the bit: with a first
 * body that it has chosen, it then knows another body with the same hash under the flipped key.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { hashSlowly, littleEndian, PRIME, toElement } from "../../scripts/vectors/sealing.ts";
import { Random } from "../support/random/random.ts";
import { concat } from "../../src/wire/concat.ts";
import { added, direction, flipped, receive } from "./direction.ts";

/** Poly1305 adds this to each block of 16 bytes: the bit beyond it. */
const TOP = 1n << 128n;

/** A multiple of 2^128, in 65,536ths, and some bits below. */
function near(fraction: number): bigint {
  return BigInt(Math.round(fraction * 65_536)) << 112n | 0x1234_5678_9abc_def0_1234_5678n;
}

/** The product of two polynomials whose coefficients begin with the highest. */
function product(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const result = Array<bigint>(a.length + b.length - 1).fill(0n);
  a.forEach((x, i) => b.forEach((y, j) => result[i + j]! += x * y));
  return result;
}

/** The polynomial q(x - 1). */
function shifted(q: readonly bigint[]): bigint[] {
  return q.reduce<bigint[]>((sum, coefficient) => {
    const times = product(sum, [1n, -1n]);
    times[times.length - 1]! += coefficient;
    return times;
  }, []);
}

/** The body whose blocks are a polynomial's coefficients. */
function bodyOf(coefficients: readonly bigint[]): Uint8Array {
  const blocks = coefficients.map((coefficient) => ((coefficient % PRIME) + PRIME) % PRIME - TOP);
  assert(blocks.every((block) => block >= 0n && block < TOP), "no blocks of 16 bytes");
  return concat([...blocks.map((block) => toElement(block).reverse())]);
}

/**
 * The hash of a body is M(r) = m1 r^6 + ... + m6 r. With M(r) = r (r + 1) Q(r), M(r - 1) has no constant term either, so it
 * is a body's, too: its hash under r + 1 is that of M under r. Q is one for which all coefficients are those of blocks.
 */
const Q = [1.2871129336857705, 0.14311679961135448, 1.0258557345544461, 0.5523054503436406, 1.2287153823195904].map(
  near,
);
const CHOSEN = bodyOf(product([1n, 1n], Q));
const FORGED = bodyOf(product([1n, -1n], shifted(Q)));
const PATTERN = CHOSEN.map((byte, index) => byte ^ FORGED[index]!);

/** rho's lowest bit. */
const FLIPPED = 8 * 16;

/** KEY and a record with the chosen body, as the attacker's channel makes them. */
function attacked(seed: number): Uint8Array {
  const bytes = concat([...direction([CHOSEN], seed)]);
  return added(flipped(bytes, FLIPPED), KEY_LENGTH + RECORD_HEAD_LENGTH, PATTERN);
}

/** The draft's receiver, which took KEY as it came: the head is as it was sent, so only the body's hash is in question. */
function draftTakes(bytes: Uint8Array): boolean {
  const rho = bytes.slice(16, 32), record = bytes.subarray(KEY_LENGTH);
  const hash = hashSlowly(rho, record.subarray(RECORD_HEAD_LENGTH));
  return hash.toHex() === record.subarray(3, 19).toHex();
}

Deno.test("the attack is one: its bodies differ, and have one hash under r and r + 1", () => {
  assertEquals([CHOSEN.length, FORGED.length], [96, 96]);
  assert(CHOSEN.toHex() !== FORGED.toHex());
  const random = new Random(1);
  for (let tries = 0; tries < 100; tries++) {
    const rho = random.bytes(16);
    rho[0]! &= 254;
    const next = rho.with(0, rho[0]! | 1);
    assertEquals(littleEndian(next), littleEndian(rho) + 1n);
    assertEquals(hashSlowly(rho, CHOSEN), hashSlowly(next, FORGED));
  }
});

Deno.test("a flipped hash key forges a body in half of all tries where KEY is not under a tag", () => {
  let taken = 0;
  for (let seed = 1; seed <= 2000; seed++) if (draftTakes(attacked(seed))) taken++;
  assert(taken > 900 && taken < 1100, `${taken} of 2000`);
});

Deno.test("a flipped hash key is refused at KEY, each time, before any record", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const { bodies, error } = receive([attacked(seed).subarray(0, KEY_LENGTH)]);
    assertEquals(bodies, []);
    assertInstanceOf(error, WireError);
    assertEquals(error.message, "KEY with a wrong tag: it was tampered with");
  }
});

Deno.test("a flipped hash key is refused though KEY's tag is changed along with it, by any guess", () => {
  const bytes = attacked(1), random = new Random(2);
  for (let tries = 0; tries < 5000; tries++) {
    // One bit, as the tag of rho's difference would be for k = x^i, or anything.
    const guess = tries < 128 ? flipped(new Uint8Array(16), tries) : random.bytes(16);
    assertInstanceOf(receive([added(bytes, 32, guess)], new RecordDecoder()).error, WireError);
  }
});

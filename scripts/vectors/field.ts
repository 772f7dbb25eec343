import { ELEMENT_LENGTH, evaluate } from "../../src/wire/field.ts";
import { FRAME_HEAD_LENGTH, FrameType, ResetCode } from "../../src/wire/frame.ts";
import { Seal } from "../../src/wire/seal.ts";
import { counted, counting, type Vector } from "./vector.ts";
import { concat } from "../../src/wire/concat.ts";

/** Offset of a head's mask; in KEY, of the key. */
export const MASK_AT = 4;

/** Offset of a head's tag; in KEY, of the first mask. */
export const TAG_AT = MASK_AT + ELEMENT_LENGTH;

/** Multiplications and evaluations in the field (docs/PROTOCOL.md 4.4). */
export function fields(): Vector[] {
  const a = counted(ELEMENT_LENGTH, 1), b = counted(ELEMENT_LENGTH, 240), ones = reversed("f".repeat(32));
  const h = reversed("66e94bd4ef8a2c3b884cfa59ca342b2e"), c = reversed("0388dace60b6a392f328c2b971b2fe78");
  const lengths = reversed("00000000000000000000000000000080");
  return [
    field("one", "a times 1 is a", power(0), a),
    field("zero", "a times 0 is 0", new Uint8Array(ELEMENT_LENGTH), a),
    field("no reduction", "x^64 times x^63 is x^127", power(63), power(64)),
    field("reduction", "x times x^127 is x^7 + x^2 + x + 1", power(127), power(1)),
    field("greatest", "All bits times all bits", ones, ones),
    field("product", "A product of two elements", b, a),
    field("product, swapped", "The same product", a, b),
    field("evaluation", "m1 k + m2 k^2 + m3 k^3", b, a, counted(ELEMENT_LENGTH, 64), counted(ELEMENT_LENGTH, 128)),
    field(
      "GHASH",
      "GHASH of the second test case of GCM's specification, the bits of elements reversed",
      h,
      lengths,
      c,
    ),
  ];
}

/** Heads of frames (docs/PROTOCOL.md 4.4): each follows KEY, except for one. */
export function tags(): Vector[] {
  const { Data, End, Open, Reset, Result } = FrameType;
  return [
    tag("no body", "Two blocks: the first one and the next mask", End, 0),
    tag("a byte", "A body that 15 bytes of zero follow", Reset, Uint8Array.of(ResetCode.Application)),
    tag("a block", "A body of exactly a block", Result, counted(16)),
    tag("a block and a byte", "A body of two blocks, the second padded", Result, counted(17)),
    tag("DATA", "Two blocks, whatever the body of 524,288 bytes", Data, 524_288),
    tag("longest", "A body of 276 bytes, the most there are but DATA's, here without a meaning", Open, counted(276)),
    tag("after many", "After 300 frames: KEY and 299 others", End, 0, 300),
  ];
}

/** The inputs of a frame's tag, and the tag. */
export interface Sealed {
  /** The key, k. */
  readonly key: string;
  /** The current mask. */
  readonly mask: string;
  /** The frame's type. */
  readonly type: FrameType;
  /** Its body's length. */
  readonly length: number;
  /** Number of preceding frames in its direction, including KEY. */
  readonly number: number;
  /** The mask for the next frame. */
  readonly nextMask: string;
  /** The part of the body under the tag: all of it, or nothing for DATA. */
  readonly covered: string;
  /** m1 ... md. */
  readonly blocks: string[];
  /** mask + m1 k + ... + md k^d. */
  readonly tag: string;
}

/** Decomposes a frame's head. */
export function sealed(
  head: Uint8Array,
  covered: Uint8Array,
  before: { key: Uint8Array; mask: Uint8Array; number: number },
): Sealed {
  const { key, mask, number } = before;
  const [type = 0, high = 0, middle = 0, low = 0] = head;
  const nextMask = head.slice(MASK_AT, TAG_AT);
  const first = new DataView(new ArrayBuffer(ELEMENT_LENGTH));
  first.setUint32(0, new DataView(head.buffer, head.byteOffset).getUint32(0));
  first.setBigUint64(8, BigInt(number));
  const padding = new Uint8Array((ELEMENT_LENGTH - covered.length % ELEMENT_LENGTH) % ELEMENT_LENGTH);
  const message = concat([new Uint8Array(first.buffer), nextMask, covered, padding]);
  return {
    key: key.toHex(),
    mask: mask.toHex(),
    type,
    length: high << 16 | middle << 8 | low,
    number,
    nextMask: nextMask.toHex(),
    covered: covered.toHex(),
    blocks: message.toHex().match(/.{32}/g)!,
    tag: head.slice(TAG_AT, FRAME_HEAD_LENGTH).toHex(),
  };
}

/** @param body The body, or the length of one that the tag does not cover. */
function tag(name: string, description: string, type: FrameType, body: Uint8Array | number, number = 1): Vector {
  const [covered, length] = typeof body === "number" ? [new Uint8Array(0), body] : [body, body.length];
  const random = counting(), head = new Uint8Array(FRAME_HEAD_LENGTH);
  Seal.writeKey(head, random);
  const key = head.slice(MASK_AT, TAG_AT), seal = new Seal(head);
  let mask = head.slice(TAG_AT);
  for (let before = 1; before < number; before++, mask = head.slice(MASK_AT, TAG_AT)) {
    seal.write(head, FrameType.End, 0, new Uint8Array(0), random);
  }
  seal.write(head, type, length, covered, random);
  return { name, description, ...sealed(head, covered, { key, mask, number }), head: head.toHex() };
}

function field(name: string, description: string, key: Uint8Array, ...blocks: Uint8Array[]): Vector {
  const value = evaluate(concat(blocks), key).toHex();
  return { name, description, key: key.toHex(), blocks: blocks.map((block) => block.toHex()), value };
}

/** x^exponent. */
function power(exponent: number): Uint8Array {
  return Uint8Array.fromHex((1n << BigInt(exponent)).toString(16).padStart(32, "0"));
}

/** Converts an element from GCM's bit order to this protocol's. */
function reversed(hex: string): Uint8Array {
  const bits = BigInt(`0x${hex}`).toString(2).padStart(128, "0");
  return Uint8Array.fromHex(BigInt(`0b${[...bits].reverse().join("")}`).toString(16).padStart(32, "0"));
}
